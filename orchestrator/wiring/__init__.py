"""The only place that builds objects: settings in, a running orchestrator out."""

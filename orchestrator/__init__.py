"""Every branch, on every hypervisor, on real machines: the smoketest orchestrator."""

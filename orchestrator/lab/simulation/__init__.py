"""A lab and weeks of requests, played through the real scheduler in seconds."""

"""Power drivers; a vendor's own comes through the entry-point group `orchestrator.power`."""

"""A compute service in plain Python: one control process, one agent on each compute host."""

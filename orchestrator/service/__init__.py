"""What may be asked of the orchestrator, by whom, and what it answers."""

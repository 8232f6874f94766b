"""What people type: one file per group of verbs, over the HTTP API only."""

"""One-time credentials."""

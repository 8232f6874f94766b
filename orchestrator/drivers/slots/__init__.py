"""Places for heavy work."""

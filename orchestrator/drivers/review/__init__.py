"""Code review systems."""

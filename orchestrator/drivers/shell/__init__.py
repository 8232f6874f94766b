"""Commands on installed nodes."""

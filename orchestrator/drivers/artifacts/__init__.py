"""Files made once and kept by key."""

"""Files that attempts leave behind."""

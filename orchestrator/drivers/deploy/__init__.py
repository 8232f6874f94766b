"""Plays on installed nodes."""

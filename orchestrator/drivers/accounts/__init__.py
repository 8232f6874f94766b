"""Passwords, identity providers, and who is at the other end of a connection."""

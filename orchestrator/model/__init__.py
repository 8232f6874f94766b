"""Frozen values and the pure rules over them; the standard library only."""

"""Switches behind the machines' data cards."""

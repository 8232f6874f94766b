"""Processes that a killed predecessor left running."""

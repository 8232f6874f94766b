"""Durable execution engines."""

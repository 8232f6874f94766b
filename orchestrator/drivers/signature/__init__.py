"""Signatures of what partners bring."""

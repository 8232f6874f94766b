"""Repositories under test."""

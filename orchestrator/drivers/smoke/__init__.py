"""Smoke suites against a deployed cloud."""

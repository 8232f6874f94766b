"""Tests, by what is real in them."""

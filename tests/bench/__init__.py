"""Figures beside their rivals, in one run; no test fails on a wall clock."""

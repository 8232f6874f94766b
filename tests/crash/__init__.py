"""SIGKILL at the worst moments."""

"""Children forked from one warm process."""

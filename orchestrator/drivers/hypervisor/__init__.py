"""Sessions with hypervisors, each by its maker's own client library."""

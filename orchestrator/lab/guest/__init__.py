"""A guest that boots in seconds without KVM, and is whole enough to be logged into."""

"""One module per way to make a stack's resources, each after what it requires."""

"""The sample product, and the git repository that is made of it."""

"""What the project promises, shown on the real program from the outside."""

"""A vSphere made of govmomi's simulator: real protocol, no guests."""

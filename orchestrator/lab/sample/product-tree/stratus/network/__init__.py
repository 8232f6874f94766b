"""One module per network model: cuts networks out of the pool of guest addresses."""

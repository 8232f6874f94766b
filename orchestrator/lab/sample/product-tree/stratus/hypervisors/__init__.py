"""One module per management interface that guests are made by: each speaks its own protocol."""

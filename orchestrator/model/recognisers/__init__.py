"""The lines by which a machine tells why it will not arrive, by who says them."""

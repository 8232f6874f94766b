"""DHCP (RFC 2131), by which a network's guests are given their fixed addresses."""

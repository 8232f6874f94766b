"""A network as the hosts see it."""

from dataclasses import dataclass
from ipaddress import ip_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One network's bridge, VLAN tag (None for none) and addresses."""

    bridge: str
    vlan: int | None
    cidr: str
    #: whether guests ask a server for their addresses, rather than having them injected
    dhcp: bool = False


def gateway(cidr: str) -> str:
    """Return the network's own address: its first one."""
    return str(next(ip_network(cidr).hosts()))

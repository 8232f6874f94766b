"""VXLAN: up to eight networks, each tunnelled between the hosts under a number of its own."""

from ipaddress import ip_network

from stratus.network.segment import Segment
from stratus.web import Refused

_FIRST_NUMBER = 5001


def segment(pool: str, number: int) -> Segment:
    """Return the network `number` (from 0): an eighth of the pool, on the tunnel's bridge."""
    slices = list(ip_network(pool).subnets(prefixlen_diff=3))
    if number >= len(slices):
        raise Refused(409, f"all {len(slices)} tunnels of the pool are in use")
    return Segment(bridge=f"vx{_FIRST_NUMBER + number}", vlan=None, cidr=str(slices[number]))

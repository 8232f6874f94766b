"""Flat: two physical networks, untagged, each on a bridge of its own."""

from ipaddress import ip_network

from stratus.network.segment import Segment
from stratus.web import Refused

_BRIDGES = ("br100", "br101")


def segment(pool: str, number: int) -> Segment:
    """Return the network `number` (from 0): a half of the pool."""
    if number >= len(_BRIDGES):
        raise Refused(409, "the flat model has two physical networks: there is no third")
    halves = list(ip_network(pool).subnets(prefixlen_diff=1))
    return Segment(bridge=_BRIDGES[number], vlan=None, cidr=str(halves[number]))

"""VLAN: up to eight networks, each with a tag of its own on the trunk port."""

from ipaddress import ip_network

from stratus.network.segment import Segment
from stratus.web import Refused

_FIRST_TAG = 100


def segment(pool: str, number: int) -> Segment:
    """Return the network `number` (from 0): an eighth of the pool."""
    slices = list(ip_network(pool).subnets(prefixlen_diff=3))
    if number >= len(slices):
        raise Refused(409, f"all {len(slices)} VLANs of the pool are in use")
    tag = _FIRST_TAG + number
    return Segment(bridge=f"vlan{tag}", vlan=tag, cidr=str(slices[number]))

"""Flat with DHCP: the flat model's networks, whose guests ask for their addresses."""

from dataclasses import replace

from stratus.network import flat
from stratus.network.segment import Segment


def segment(pool: str, number: int) -> Segment:
    """Return the network `number` (from 0): the flat one, with a DHCP server."""
    return replace(flat.segment(pool, number), dhcp=True)

"""A network as the hosts see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One network's bridge, VLAN tag (None for none) and addresses."""

    bridge: str
    vlan: int | None
    cidr: str

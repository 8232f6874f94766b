"""What `smoketest up` was asked for."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_NODES = 10
DEFAULT_PORT = 8470


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to start: where to keep state, which lab, which port (0: the default, or any free)."""

    home: Path
    lab: Path | None = None
    nodes: int = DEFAULT_NODES
    #: times faster than hardware, or `max`; only the lab in a box has a speed
    speed: str = "1"
    port: int = 0
    trust_code: bool = False
    #: where the store is, whatever the lab file says
    store: str = ""

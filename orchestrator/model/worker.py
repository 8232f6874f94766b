"""A process that walks attempts."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One of the processes that share the work of a store."""

    #: stays the same over restarts: what was under way is its own again
    name: str
    host: str
    pid: int
    #: of the program
    version: str
    since: datetime
    #: when it was last heard, by the store's clock
    heard: datetime | None = None

"""The flight recorder's values: what happened on which track, when, and which line says so."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

#: the file beside an attempt's logs that keeps power commands and fetches, a line each
FLIGHT_LOG: Final = "flight.log"
#: a console's file of times is called as the console's log, with this ending
TIMES: Final = ".times"
_LINE = re.compile(r"(?P<at>\S+) (?P<track>[a-z]+) (?P<node>\S+) (?P<text>.*)")


class Track(StrEnum):
    """A row of the flight recorder, from the outside of the machine to the product's tests."""

    POWER = "power"
    NETWORK = "network"
    CONSOLE = "console"
    INSTALLER = "installer"
    PARTNER = "partner"
    ANSIBLE = "ansible"
    TESTS = "tests"
    NOTES = "notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a flight log."""

    at: datetime
    track: Track
    #: empty: no machine in particular
    node: str
    text: str

    def __str__(self) -> str:
        """Return it as it stands in the file."""
        at = self.at.isoformat(timespec="milliseconds")
        return f"{at} {self.track} {self.node or '-'} {self.text}"

    @classmethod
    def read(cls, text: str) -> "Line | None":
        """Return what a line of the file says, or None if it is none (a write that was cut)."""
        found = _LINE.fullmatch(text)
        if not found:
            return None
        try:
            at, track = datetime.fromisoformat(found["at"]), Track(found["track"])
        except ValueError:
            return None
        if at.tzinfo is None:
            return None
        node = "" if found["node"] == "-" else found["node"]
        return cls(at=at, track=track, node=node, text=found["text"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of the recorder: what happened, and where it is written."""

    track: Track
    #: seconds since the attempt was given its machines
    second: float
    text: str
    node: str = ""
    #: it went wrong
    bad: bool = False
    #: the kept file and its line (from 1) that say so; empty: an event alone does
    file: str = ""
    line: int = 0
    #: the event's position in the history, 0: none says it
    event: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stage on the recorder's time axis; `end` is None while it is under way."""

    stage: str
    begin: float
    end: float | None
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """All that was recorded of an attempt, in seconds from when it was given its machines."""

    attempt: str
    began: datetime
    #: to its last event
    seconds: float
    legs: tuple[Leg, ...]
    #: in the order of their times
    marks: tuple[Mark, ...]
    #: what a reader may miss, e.g. a console whose lines have no times; each a sentence
    gaps: tuple[str, ...] = ()

"""Needs, gangs and leases: who wants machines, who has them, who waits and why."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from orchestrator.model.ids import AttemptId
from orchestrator.model.request import Lane

#: how long a lease stands that nobody renews: who was given machines takes them up within it, and
#: from then on its worker's heartbeat renews it
TERM: Final = timedelta(seconds=10)
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One machine wanted: for which role, with which capabilities."""

    role: str
    capabilities: frozenset[str]
    #: the image that it will be installed with; a machine that has it already is preferred
    install: str = ""


class Reason(StrEnum):
    """What keeps an attempt waiting."""

    #: others have the machines that it could use
    BUSY = "busy"
    #: a machine that it could use is free, and kept for who is served before it
    BEHIND = "behind"
    #: no machine in service can do it
    OUT_OF_SERVICE = "out-of-service"
    #: another attempt has its licence, its array, ...
    SEMAPHORE = "semaphore"
    #: as many machines behind one BMC, power strip or boot server are being installed as may be
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why an attempt waits: behind whom, for what, until about when."""

    reason: Reason
    #: all of it as one sentence
    text: str
    #: who has, or gets before it, what it waits for; empty if that is nobody in particular
    behind: str = ""
    #: what it waits for: capabilities of a machine, or the name of the semaphore or limit
    capability: tuple[str, ...] = ()
    #: about when it starts; None while nobody can tell
    until: datetime | None = None
    #: what it was told when it first came to be the next one; nobody is let past it after that
    promised: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which of its arch's alternatives an attempt goes, and which try (from 1) by it this is."""

    way: int = 0
    number: int = 1


FIRST: Final = Turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An attempt in the queue: its whole gang of needs is granted at once or not at all."""

    attempt: AttemptId
    needs: tuple[Need, ...]
    asked_at: datetime
    #: below zero: somebody promoted it, and it goes before everybody else
    priority: int = 0
    #: nodes that earlier attempts at the cell were broken on
    exclude: frozenset[str] = frozenset()
    semaphores: tuple[str, ...] = ()
    #: what it was told last
    why: Why | None = None
    lane: Lane = Lane.ASKED
    #: whose share of the machines it takes: who asked, or a repository
    owner: str = ""
    #: what its usual length is learned from
    arch: str = ""
    #: its arch has no alternative after the one that it goes
    last: bool = True
    #: where its cell is in the run's plan
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node as the scheduler sees it."""

    name: str
    capabilities: frozenset[str]
    free: bool
    #: broken attempts on it lately; trusted machines are taken first
    marks: int = 0
    #: who has it, and since when
    holder: str = ""
    since: datetime | None = None
    #: held for a person until then
    until: datetime | None = None
    #: the arch that it is used for
    arch: str = ""
    #: it is being installed
    preparing: bool = False
    #: the image that it was installed with and attested under last
    warm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A granted node and the role it plays."""

    role: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A gang that was granted whole."""

    attempt: AttemptId
    placements: tuple[Placement, ...]
    #: it uses machines that are kept for somebody, and is over before that one can start
    fills_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an owner has been given so far, in weighted machine-seconds, and when the last of it."""

    owner: str
    spent: float = 0.0
    served_at: datetime = LONG_AGO


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everybody's fair share; `clock` is where whoever asks anew begins."""

    clock: float = 0.0
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a scheduling pass decides upon, read in the transaction that keeps its decision."""

    now: datetime
    #: each run's cells in the order of its plan
    queue: tuple[Waiting, ...]
    #: the nodes in service
    nodes: tuple[Candidate, ...]
    ledger: Ledger = Ledger()
    #: everybody's reason for waiting is wanted too, which takes longer than the grants
    tell: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a scheduling pass decided: who gets what, and for the rest why they wait."""

    grants: tuple[Grant, ...]
    #: of all who wait, if that was wanted, else of those who were promised a time just now
    waits: tuple[tuple[AttemptId, Why], ...]
    #: the ledger after it, with the accounts that changed; None: nobody keeps one
    ledger: Ledger | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A node held for an attempt; a command with an older token is refused."""

    node: str
    role: str
    attempt: AttemptId
    token: int

"""What people are told of: changes, who wants to hear of which, and the messages that tell them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatch

from orchestrator.model.ids import AttemptId, run_of
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Ruling, Verdict

#: what a square of the matrix can be; the other verdicts say nothing about the branch
STATES = (Verdict.PASSED, Verdict.FAILED, Verdict.BROKEN)


class Moment(StrEnum):
    """When in its life an attempt is spoken of."""

    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An attempt that was queued, was started or came to its end, and what was true before."""

    attempt: AttemptId
    moment: Moment
    repo: str
    ref: str
    commit: str
    sha: str
    subject: str
    requester: str
    lane: Lane
    arch: str
    voting: bool
    lieutenants: tuple[str, ...]
    at: datetime
    #: of a finished one
    ruling: Ruling | None = None
    #: what this arch said last about this branch
    before: Verdict | None = None
    #: it was tried with a patch on top
    patched: bool = False
    #: another attempt at the cell follows by itself: this one decides nothing
    retried: bool = False
    #: its partner fell silent that was not before, and another way is tried
    silence: bool = False

    @property
    def run(self) -> int:
        """Return the number of its run."""
        return run_of(self.attempt)

    @property
    def verdict(self) -> Verdict | None:
        """Return what it came to, or None."""
        return self.ruling.verdict if self.ruling else None

    @property
    def decides(self) -> bool:
        """Return whether its cell shows its verdict."""
        return self.moment is Moment.FINISHED and not self.retried

    @property
    def flips(self) -> bool:
        """Return whether this arch says something else of this branch now than before.

        A branch that passes the first time is no news; with a patch on top it is no branch.
        """
        usual = self.before or Verdict.PASSED
        told = self.decides and self.verdict in STATES and self.verdict is not usual
        return told and not self.patched


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who is told what by which courier: all filters must match."""

    name: str
    #: addresses, names of people, or the words `lieutenants` and `requester`; none: one address
    to: tuple[str, ...] = ()
    #: globs
    archs: tuple[str, ...] = ("*",)
    repos: tuple[str, ...] = ("*",)
    refs: tuple[str, ...] = ("*",)
    lanes: tuple[Lane, ...] = tuple(Lane)
    #: the verdicts that are told of
    on: tuple[Verdict, ...] = STATES
    #: tell every end, not changes only
    every: bool = False
    #: tell of what was queued and started, too, each in a message of its own
    moments: bool = False
    #: seconds that a change waits for others to be told together
    digest: float = 60

    def wants(self, change: Change) -> bool:
        """Return whether this subscription tells of the change."""
        sides = ((self.archs, change.arch), (self.repos, change.repo), (self.refs, change.ref))
        fits = all(any(fnmatch(text, glob) for glob in globs) for globs, text in sides)
        if not fits or change.lane not in self.lanes:
            return False
        if self.moments:
            return True
        told = change.decides if self.every else change.flips
        return (told or change.silence) and change.verdict in self.on


class MessageState(StrEnum):
    """How far a message came."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    #: nobody took it, and it is not tried again unless somebody replays it
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Changes told to one recipient; its id stays the same however often it is sent."""

    id: str
    subscription: str
    #: an address; empty where the courier knows the only one
    recipient: str
    changes: tuple[Change, ...]
    made_at: datetime
    due_at: datetime
    #: how often it was sent in vain
    tries: int
    state: MessageState
    #: what the last try was answered
    said: str = ""

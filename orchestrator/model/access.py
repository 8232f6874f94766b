"""Who may do what: roles, their rights and how far they reach, tokens, and whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final


class Role(StrEnum):
    """What somebody is here for."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    #: answers for archs
    LIEUTENANT = "lieutenant"
    #: speaks for one partner, about its archs
    VENDOR = "vendor"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(StrEnum):
    """What a route may ask for."""

    #: see what there is, in a lab that does not show it to everybody
    READ = "read"
    #: change one's own account: password, tokens, sessions
    SELF = "self"
    #: ask for runs
    ASK = "ask"
    #: stop, try again, hold and release cells
    STEER = "steer"
    #: put a cell before everybody's
    PROMOTE = "promote"
    #: say that a red is known, or does not count for a while
    WAIVE = "waive"
    #: take a partner's orders and deliver their results
    DELIVER = "deliver"
    #: act on machines, notices, faults and described jobs
    OPERATE = "operate"
    #: say who may come in, and read what everybody did
    ADMIT = "admit"


class Reach(StrEnum):
    """On what a right is good."""

    ALL = "all"
    #: on what one asked for oneself, and on cells of one's archs (a vendor's: its partner's)
    ARCHS = "archs"
    #: on what one asked for oneself
    OWN = "own"


_ALL, _ARCHS, _OWN = Reach.ALL, Reach.ARCHS, Reach.OWN
_OPERATOR: Final[Mapping[Right, Reach]] = {
    Right.READ: _ALL,
    Right.SELF: _ALL,
    Right.ASK: _ALL,
    Right.STEER: _ALL,
    Right.PROMOTE: _ALL,
    Right.WAIVE: _ALL,
    Right.OPERATE: _ALL,
}
#: the table of who may do what; what it does not name is refused
RIGHTS: Final[Mapping[Role, Mapping[Right, Reach]]] = {
    Role.VIEWER: {Right.READ: _ALL, Right.SELF: _ALL},
    Role.DEVELOPER: {
        Right.READ: _ALL,
        Right.SELF: _ALL,
        Right.ASK: _ALL,
        Right.STEER: _OWN,
    },
    Role.LIEUTENANT: {
        Right.READ: _ALL,
        Right.SELF: _ALL,
        Right.ASK: _ALL,
        Right.STEER: _ARCHS,
        Right.PROMOTE: _ARCHS,
        Right.WAIVE: _ARCHS,
    },
    Role.VENDOR: {
        Right.READ: _ARCHS,
        Right.SELF: _ALL,
        Right.ASK: _ALL,
        Right.STEER: _ARCHS,
        Right.DELIVER: _ALL,
    },
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: {**_OPERATOR, Right.ADMIT: _ALL},
}


def within(role: Role, other: Role) -> bool:
    """Return whether whoever has the role `other` may do all that `role` may."""
    order = (Reach.OWN, Reach.ARCHS, Reach.ALL)
    mine, theirs = RIGHTS[role], RIGHTS[other]
    return all(
        right in theirs and order.index(reach) <= order.index(theirs[right])
        for right, reach in mine.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is kept: everything but what whoever has it must know."""

    id: str
    role: Role
    note: str
    created_at: datetime
    expires_at: datetime
    #: of a vendor: the partner that it speaks for
    partner: str = ""
    #: the archs that it is good for, as globs; empty: all
    archs: tuple[str, ...] = ()
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    #: whose it is: it ends with the account, and never does more; empty: the lab's
    user: str = ""

    def good(self, now: datetime) -> bool:
        """Return whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


class Via(StrEnum):
    """How somebody showed who they are."""

    #: not at all
    NOTHING = "nothing"
    #: by being the user of this host who started the orchestrator
    HOST = "host"
    #: by the home folder's own token
    HOME = "home"
    TOKEN = "token"  # noqa: S105  # the word
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever asks for something."""

    name: str
    role: Role
    partner: str = ""
    #: the archs that it is about, as globs; empty: all (a vendor's: its partner's)
    archs: tuple[str, ...] = ()
    #: the id of the token that was shown, empty for the operator's own
    token: str = ""
    via: Via = Via.TOKEN

    def may(self, right: Right, arch: str = "") -> bool:
        """Return whether the role has the right, for that arch if one is named."""
        if right not in RIGHTS[self.role]:
            return False
        # A lieutenant's archs are what they answer for: they may ask for any.
        free = right is Right.ASK and self.role is Role.LIEUTENANT
        return not arch or free or self.concerns(arch)

    def concerns(self, arch: str) -> bool:
        """Return whether the arch is among those that it is about."""
        return not self.archs or any(fnmatchcase(arch, glob) for glob in self.archs)

    def reaches(self, right: Right, things: "tuple[Thing, ...]") -> bool:
        """Return whether the right is good on all of these things."""
        reach = RIGHTS[self.role].get(right)
        if reach is None:
            return False
        return all(self._reaches(reach, thing) for thing in things)

    def _reaches(self, reach: Reach, thing: "Thing") -> bool:
        if reach is not Reach.ALL and thing.owner and thing.owner == self.name:
            return True
        if reach is Reach.OWN:
            return False
        if reach is Reach.ARCHS and self.role is Role.VENDOR:
            return self.partner in thing.partners
        return not thing.arch or self.concerns(thing.arch)

    @property
    def named(self) -> bool:
        """Return whether what they ask for is in their own name, whatever they write there."""
        return self.via in {Via.TOKEN, Via.SESSION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What somebody wants to see or to act on."""

    arch: str = ""
    #: who asked for it
    owner: str = ""
    #: the partners that the arch is chained to
    partners: frozenset[str] = frozenset()

"""Who may do what: roles, tokens and whoever shows one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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

    #: ask for runs, and stop those that one asked for
    ASK = "ask"
    #: take a partner's orders and deliver their results
    DELIVER = "deliver"
    #: stop what others asked for, and describe jobs
    OPERATE = "operate"
    #: hand out tokens
    ADMIT = "admit"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset(),
    Role.DEVELOPER: frozenset({Right.ASK}),
    Role.LIEUTENANT: frozenset({Right.ASK}),
    Role.VENDOR: frozenset({Right.ASK, Right.DELIVER}),
    Role.OPERATOR: frozenset({Right.ASK, Right.OPERATE}),
    Role.ADMIN: frozenset({Right.ASK, Right.OPERATE, Right.ADMIT}),
}


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
    #: the archs that it is good for; empty: all
    archs: tuple[str, ...] = ()
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Return whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever shows a token."""

    name: str
    role: Role
    partner: str = ""
    archs: tuple[str, ...] = ()
    #: the id of the token that was shown, empty for the operator's own
    token: str = ""

    def may(self, right: Right, arch: str = "") -> bool:
        """Return whether the role has the right, for that arch if one is named."""
        return right in RIGHTS[self.role] and (not arch or not self.archs or arch in self.archs)

"""Accounts: users, their sessions, and the record of who changed what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from orchestrator.model.access import Role
from orchestrator.model.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
#: what we call ourselves in the record
_TAKEN: Final = frozenset({"operator", "anonymous", "smoketest", "local"})


class Source(StrEnum):
    """Who vouches for a user."""

    #: a password that is kept here
    LOCAL = "local"
    #: an OpenID Connect provider
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may sign in; how they prove who they are is kept elsewhere."""

    name: str
    role: Role
    source: Source
    created_at: datetime
    #: of a lieutenant: the archs that they answer for, as globs; empty: all
    archs: tuple[str, ...] = ()
    #: of a vendor: the partner that they speak for
    partner: str = ""
    #: who they are at their provider: issuer and subject, empty for a local user
    subject: str = ""
    disabled: bool = False
    #: when they signed in last
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser in which somebody signed in."""

    #: the beginning of its digest: names it, and opens nothing
    id: str
    user: str
    began_at: datetime
    seen_at: datetime
    expires_at: datetime
    #: where it began
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that somebody did, or tried to do."""

    at: datetime
    who: str
    role: str
    via: str
    #: the address of their machine
    address: str
    #: what it was: a route, such as `POST /api/nodes/{name}/drain`
    action: str
    #: on what, e.g. `/api/nodes/n02/drain`
    target: str
    #: what was said with it, of the fields that are no secret
    said: str = ""
    #: the status of the answer; 0: we were killed before there was one
    status: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What members of a group of the identity provider may do here."""

    group: str
    role: Role
    archs: tuple[str, ...] = ()
    partner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How people come in: `[accounts]` of the lab file."""

    #: whether what there is may be seen without signing in
    anonymous_read: bool = True
    #: whether the user of this host who started the orchestrator may act without signing in, for
    #: as long as it listens on loopback and there are no users
    local: bool = True
    #: a session ends when it was not used for so long, and after so long in any case
    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=7)
    #: how often each token, and each address without one, may ask the API within a minute
    requests: int = 6000
    #: addresses of reverse proxies, which say truly for whom they ask (`X-Forwarded-For`)
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A sign-in that goes on at the identity provider."""

    #: where the browser goes
    url: str
    #: what must come back, what must be in the answer, and what proves that we asked
    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Such a sign-in as we keep it meanwhile."""

    started: Started
    #: where on our pages it leads in the end
    onward: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody, as their provider knows them."""

    #: issuer and subject: the only name that never changes hands
    subject: str
    name: str
    groups: frozenset[str] = frozenset()


def check_name(name: str) -> None:
    """Raise `ConfigError` for what is no user's name."""
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise ConfigError(
            f"{name[:64]!r} is no user's name: small letters, digits and . _ - @, and not one of "
            f"{', '.join(sorted(_TAKEN))}"
        )


def grant_of(identity: Identity, grants: tuple[Grant, ...]) -> Grant | None:
    """Return the first grant for a group of theirs (`*` is everybody's), or None."""
    return next((g for g in grants if g.group == "*" or g.group in identity.groups), None)


#: what the record keeps of what was said with a change; anything else may be a secret
TOLD = (
    *("reason", "role", "hours", "until", "days", "note", "partner", "archs", "name", "user"),
    *("repo", "ref", "lane", "kind", "node", "chance", "cycle"),
)
_LONGEST = 300


def told(fields: Mapping[str, object]) -> str:
    """Return what the record keeps of the fields of a form or a body."""
    kept = (f"{name}={fields[name]}" for name in TOLD if fields.get(name) not in (None, "", [], ()))
    return ", ".join(kept)[:_LONGEST]

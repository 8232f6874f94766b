"""The door: people sign in here, and are known by their session until it ends.

What a browser shows is 256 random bits that only it has; a digest is kept. Each sign-in makes a new
one, so that nothing that was in the browser before is worth anything afterwards.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from orchestrator.model.access import Asker, Role, Via
from orchestrator.model.account import (
    Grant,
    Identity,
    Pending,
    Rules,
    Session,
    Source,
    User,
    check_name,
    grant_of,
)
from orchestrator.model.errors import Denied, NotFound, Throttled
from orchestrator.model.secret import Secret
from orchestrator.ports.accounts import Passwords, Peers, Provider, Sessions, Users
from orchestrator.ports.clock import Clock, Deadline

#: how exactly it is remembered when a session was last shown
_SEEN: Final = timedelta(minutes=1)
#: what a provider and a person are given for a sign-in
_PENDING: Final = timedelta(minutes=10)
PROVIDER_SECONDS: Final = 20.0
#: so many refused sign-ins of one name, or from one address, in so long: the next must wait
MOST_NAMED: Final = 10
MOST_PLACED: Final = 50
WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where somebody is: their address and their browser."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody who signed in, and in which session."""

    asker: Asker
    session: Session
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A new session, and what its browser is to show."""

    user: User
    session: Session
    shown: Secret
    #: where on our pages it leads
    onward: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """The identity provider, and what its groups are here."""

    name: str
    provider: Provider
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets people in and out."""

    clock: Clock
    rules: Rules
    users: Users
    sessions: Sessions
    passwords: Passwords
    peers: Peers
    #: the user of this host who started the orchestrator; empty where it is open to others
    host_user: str = ""
    oidc: Oidc | None = None

    def enter(self, name: str, password: Secret, where: Where) -> Entered:
        """Sign in; raise `Denied` without saying what was wrong, or `Throttled` after too many."""
        now = self.clock.now()
        name = name.strip().lower()
        named, placed = self.sessions.refusals(name, where.address, now - WINDOW)
        if named >= MOST_NAMED or placed >= MOST_PLACED:
            raise Throttled(
                f"too many sign-ins were refused: wait {WINDOW // timedelta(minutes=1)} minutes"
            )
        found = self.users.find(name)
        user, kept = found or (None, "")
        # Looked at even if there is no such user: the time that it takes tells nothing.
        right = self.passwords.right(kept, password)
        if user is None or not right or user.disabled:
            self.sessions.refused(name[:64], where.address, now)
            raise Denied("no such user, or another password; an admin can set a new one")
        if self.passwords.stale(kept):
            self.users.set_password(name, self.passwords.hash(password))
        return self._begin(user, where)

    def who(self, shown: str) -> Known | None:
        """Return who is signed in with that, or None if it is nobody (any more)."""
        digest = _digest(shown)
        session = self.sessions.find(digest) if shown else None
        now = self.clock.now()
        if session is None:
            return None
        if now >= session.expires_at or now - session.seen_at >= self.rules.idle:
            self.sessions.end(digest)
            return None
        found = self.users.find(session.user)
        if found is None or found[0].disabled:
            return None
        if now - session.seen_at > _SEEN:
            self.sessions.seen(digest, now)
        return Known(asker=asker_of(found[0]), session=session, user=found[0])

    def leave(self, shown: str) -> None:
        """Sign out."""
        self.sessions.end(_digest(shown))

    def local(self, theirs: tuple[str, int], here: tuple[str, int]) -> Asker | None:
        """Return the user of this host, if it is they and nobody has to sign in yet."""
        if not self.open_to_host or not self.peers.ours(theirs, here):
            return None
        return Asker(name=self.host_user, role=Role.OPERATOR, via=Via.HOST)

    @property
    def open_to_host(self) -> bool:
        """Return whether the user of this host may act without signing in."""
        return self.rules.local and bool(self.host_user) and not self.users.any()

    def begin(self, redirect: str, onward: str) -> tuple[str, str]:
        """Begin a sign-in at the provider; return where to go, and the state that must come back.

        Raises `NotFound` without a provider, `InfraError` if it does not answer.
        """
        oidc = self._provider()
        started = oidc.provider.begin(redirect, self._deadline(oidc))
        expires = self.clock.now() + _PENDING
        pending = Pending(started=started, onward=onward, expires_at=expires)
        self.sessions.begin(_digest(started.state), pending)
        return started.url, started.state

    def finish(self, came: Mapping[str, str], state: str, redirect: str, where: Where) -> Entered:
        """End a sign-in with what the provider sent along (`came`), in the browser with `state`.

        Raises `Denied` for anything that this browser did not begin, or ended already.
        """
        oidc = self._provider()
        right = hmac.compare_digest(came.get("state", "").encode(), state.encode())
        pending = self.sessions.take(_digest(state)) if state and right else None
        if pending is None or pending.expires_at <= self.clock.now():
            raise Denied("this sign-in was not begun in this browser, or too long ago: begin again")
        if "code" not in came:
            said = came.get("error_description") or came.get("error") or "it said no more"
            raise Denied(f"{oidc.name} let nobody in: {said[:200]}")
        deadline = self._deadline(oidc)
        identity = oidc.provider.finish(came["code"], redirect, pending.started, deadline)
        return replace(self._begin(self._welcome(oidc, identity), where), onward=pending.onward)

    def _welcome(self, oidc: Oidc, identity: Identity) -> User:
        """Return the user whom the provider vouches for, as what their groups make them now."""
        grant = grant_of(identity, oidc.grants)
        if grant is None:
            raise Denied(f"{identity.name} is in no group of {oidc.name} that may come in here")
        known = self.users.of_subject(identity.subject)
        if known and known.disabled:
            raise Denied(f"{known.name} may not come in any more: ask an admin")
        name = known.name if known else identity.name
        check_name(name)
        now = self.clock.now()
        user = User(
            name=name,
            role=grant.role,
            archs=grant.archs,
            partner=grant.partner,
            source=Source.OIDC,
            subject=identity.subject,
            created_at=known.created_at if known else now,
            seen_at=now,
        )
        if known:
            self.users.change(user)
        else:
            # A local user of that name is somebody else: `Occupied`, and nobody becomes them.
            self.users.add(user, "")
        return user

    def _begin(self, user: User, where: Where) -> Entered:
        now = self.clock.now()
        shown = secrets.token_urlsafe(32)
        digest = _digest(shown)
        session = Session(
            id=digest[:12],
            user=user.name,
            began_at=now,
            seen_at=now,
            expires_at=now + self.rules.longest,
            address=where.address,
            agent=where.agent[:200],
        )
        self.sessions.sweep(now - WINDOW)
        self.sessions.add(session, digest)
        self.users.change(replace(user, seen_at=now))
        return Entered(user=user, session=session, shown=Secret(shown))

    def _provider(self) -> Oidc:
        if self.oidc is None:
            raise NotFound(
                "this lab has no identity provider: [accounts.oidc] of its file names it"
            )
        return self.oidc

    def _deadline(self, oidc: Oidc) -> Deadline:
        return Deadline(self.clock, PROVIDER_SECONDS, what=f"signing in at {oidc.name}")


def asker_of(user: User) -> Asker:
    """Return the user as somebody who asks."""
    return Asker(
        name=user.name,
        role=user.role,
        partner=user.partner,
        archs=user.archs,
        via=Via.SESSION,
    )


def check_onward(path: str) -> str:
    """Return the path if it leads to a page of ours, else the first page."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and "\\" not in path else "/"


def _digest(shown: str) -> str:
    """Return what is kept: 256 random bits need no slow hash."""
    return hashlib.sha256(shown.encode()).hexdigest()

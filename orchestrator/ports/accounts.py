"""Users, their sessions, what proves who they are, and the record of changes."""

from datetime import datetime
from typing import Protocol

from orchestrator.model.account import Change, Identity, Pending, Session, Started, User
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline


class Users(Protocol):
    """Who may sign in."""

    def add(self, user: User, password: str) -> None:
        """Store a user with their password's hash (empty: none); raise `Occupied` for a name."""
        ...

    def all(self) -> tuple[User, ...]:
        """Return every user by name."""
        ...

    def any(self) -> bool:
        """Return whether there is any user."""
        ...

    def find(self, name: str) -> tuple[User, str] | None:
        """Return the user of that name with their password's hash, or None."""
        ...

    def of_subject(self, subject: str) -> User | None:
        """Return the user whom a provider knows as that, or None."""
        ...

    def change(self, user: User) -> None:
        """Store what the user is now; the password stays."""
        ...

    def set_password(self, name: str, password: str) -> None:
        """Store another hash."""
        ...


class Sessions(Protocol):
    """Browsers in which somebody signed in; only a digest of what they show is kept."""

    def add(self, session: Session, digest: str) -> None:
        """Store a session."""
        ...

    def find(self, digest: str) -> Session | None:
        """Return the session, or None."""
        ...

    def seen(self, digest: str, now: datetime) -> None:
        """Remember when it was last shown."""
        ...

    def end(self, digest: str) -> None:
        """Forget the session."""
        ...

    def of(self, user: str) -> tuple[Session, ...]:
        """Return the user's sessions, the newest first."""
        ...

    def end_of(self, user: str, but: str = "", only: str = "") -> None:
        """Forget the user's sessions: all, all but one, or only one; `but` and `only` are ids."""
        ...

    def sweep(self, now: datetime) -> None:
        """Forget what is over: sessions, sign-ins under way, refusals."""
        ...

    def begin(self, digest: str, pending: Pending) -> None:
        """Store a sign-in that goes on at a provider."""
        ...

    def take(self, digest: str) -> Pending | None:
        """Return such a sign-in once, and never again."""
        ...

    def refused(self, who: str, address: str, at: datetime) -> None:
        """Remember that a sign-in was refused."""
        ...

    def refusals(self, who: str, address: str, since: datetime) -> tuple[int, int]:
        """Return how many were refused since then: of that name, and from that address."""
        ...


class Changes(Protocol):
    """The record of what was changed."""

    def add(self, change: Change) -> int:
        """Store a change that begins; return its number."""
        ...

    def end(self, number: int, status: int) -> None:
        """Store what came of it."""
        ...

    def before(self, number: int, limit: int, who: str = "") -> tuple[Change, ...]:
        """Return the newest first, from before that number (0: the newest there are)."""
        ...


class Passwords(Protocol):
    """How passwords are kept."""

    def hash(self, password: Secret) -> str:
        """Return what is kept; takes time on purpose."""
        ...

    def right(self, kept: str, password: Secret) -> bool:
        """Return whether it is the password; takes as long for an empty `kept`, which none is."""
        ...

    def stale(self, kept: str) -> bool:
        """Return whether it would be kept in another way today."""
        ...

    def weakness(self, password: Secret, words: tuple[str, ...]) -> str:
        """Return why the password is easily guessed, `words` being what is known; empty: not."""
        ...


class Provider(Protocol):
    """An identity provider."""

    def begin(self, redirect: str, deadline: Deadline) -> Started:
        """Return where to send the browser; raise `InfraError` if the provider does not answer."""
        ...

    def finish(self, code: str, redirect: str, pending: Started, deadline: Deadline) -> Identity:
        """Return who came back; raise `Denied` unless all is as it was begun."""
        ...


class Peers(Protocol):
    """Who is at the other end of a connection on this host."""

    def ours(self, theirs: tuple[str, int], here: tuple[str, int]) -> bool:
        """Return whether the connection from `theirs` to `here` is of a process of our own user."""
        ...

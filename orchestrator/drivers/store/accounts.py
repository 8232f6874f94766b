"""Users, their sessions, and the record of changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import PENDING, USER, encode, instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.account import Change, Pending, Session, User
from orchestrator.model.errors import Bug, Occupied

#: more changes than there will ever be
_NEWEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Users:
    """`ports.accounts.Users` over a database."""

    database: Database

    def add(self, user: User, password: str) -> None:
        """Store a user with their password's hash (empty: none); raise `Occupied` for a name."""
        with self.database.write() as tx:
            added = tx.run(
                "user_insert",
                username=user.name,
                subject=user.subject,
                password=password,
                value=encode(user),
            )
        if not added:
            msg = f"there is a user {user.name} already; `smoketest user list` lists them"
            raise Occupied(msg)

    def all(self) -> tuple[User, ...]:
        """Return every user by name."""
        with self.database.read() as tx:
            return tuple(map(_user, tx.all("users_all")))

    def any(self) -> bool:
        """Return whether there is any user."""
        with self.database.read() as tx:
            return tx.one("users_any") is not None

    def find(self, name: str) -> tuple[User, str] | None:
        """Return the user of that name with their password's hash, or None."""
        with self.database.read() as tx:
            row = tx.one("user_by_name", username=name)
        return (_user(row), str(row.password)) if row else None

    def of_subject(self, subject: str) -> User | None:
        """Return the user whom a provider knows as that, or None."""
        with self.database.read() as tx:
            row = tx.one("user_by_subject", subject=subject)
        return _user(row) if row else None

    def change(self, user: User) -> None:
        """Store what the user is now; the password stays."""
        with self.database.write() as tx:
            tx.run("user_update", username=user.name, subject=user.subject, value=encode(user))

    def set_password(self, name: str, password: str) -> None:
        """Store another hash."""
        with self.database.write() as tx:
            tx.run("user_password", username=name, password=password)


@dataclass(frozen=True, slots=True)
class Sessions:
    """`ports.accounts.Sessions` over a database."""

    database: Database

    def add(self, session: Session, digest: str) -> None:
        """Store a session."""
        with self.database.write() as tx:
            tx.run(
                "session_insert",
                digest=digest,
                id=session.id,
                username=session.user,
                began_at=stamp(session.began_at),
                seen_at=stamp(session.seen_at),
                expires_at=stamp(session.expires_at),
                address=session.address,
                agent=session.agent,
            )

    def find(self, digest: str) -> Session | None:
        """Return the session, or None."""
        with self.database.read() as tx:
            row = tx.one("session_by_digest", digest=digest)
        return _session(row) if row else None

    def seen(self, digest: str, now: datetime) -> None:
        """Remember when it was last shown."""
        with self.database.write() as tx:
            tx.run("session_seen", digest=digest, at=stamp(now))

    def end(self, digest: str) -> None:
        """Forget the session."""
        with self.database.write() as tx:
            tx.run("session_delete", digest=digest)

    def of(self, user: str) -> tuple[Session, ...]:
        """Return the user's sessions, the newest first."""
        with self.database.read() as tx:
            return tuple(map(_session, tx.all("sessions_of_user", username=user)))

    def end_of(self, user: str, but: str = "", only: str = "") -> None:
        """Forget the user's sessions: all, all but one, or only one; `but` and `only` are ids."""
        with self.database.write() as tx:
            if only:
                tx.run("session_delete_only", username=user, only=only)
            else:
                tx.run("sessions_delete_of", username=user, but=but)

    def sweep(self, now: datetime) -> None:
        """Forget what is over: sessions, sign-ins under way, refusals."""
        at = stamp(now)
        with self.database.write() as tx:
            for query in ("sessions_delete_over", "sign_ins_delete_over", "refusals_delete_over"):
                tx.run(query, at=at)

    def begin(self, digest: str, pending: Pending) -> None:
        """Store a sign-in that goes on at a provider."""
        with self.database.write() as tx:
            expires = stamp(pending.expires_at)
            tx.run("sign_in_insert", digest=digest, expires_at=expires, value=encode(pending))

    def take(self, digest: str) -> Pending | None:
        """Return such a sign-in once, and never again."""
        with self.database.write() as tx:
            row = tx.one("sign_in_by_digest", digest=digest)
            tx.run("sign_in_delete", digest=digest)
        return PENDING.validate_json(row.value) if row else None

    def refused(self, who: str, address: str, at: datetime) -> None:
        """Remember that a sign-in was refused."""
        with self.database.write() as tx:
            tx.run("refusal_insert", who=who, address=address, at=stamp(at))

    def refusals(self, who: str, address: str, since: datetime) -> tuple[int, int]:
        """Return how many were refused since then: of that name, and from that address."""
        with self.database.read() as tx:
            row = tx.single("refusals_since", who=who, address=address, since=stamp(since))
        return int(row.named), int(row.placed)


@dataclass(frozen=True, slots=True)
class Changes:
    """`ports.accounts.Changes` over a database."""

    database: Database

    def add(self, change: Change) -> int:
        """Store a change that begins; return its number."""
        with self.database.write() as tx:
            row = tx.single(
                "change_insert",
                at=stamp(change.at),
                who=change.who,
                role=change.role,
                via=change.via,
                address=change.address,
                action=change.action,
                target=change.target,
                said=change.said,
            )
        return int(row.number)

    def end(self, number: int, status: int) -> None:
        """Store what came of it."""
        with self.database.write() as tx:
            tx.run("change_end", number=number, status=status)

    def before(self, number: int, limit: int, who: str = "") -> tuple[Change, ...]:
        """Return the newest first, from before that number (0: the newest there are)."""
        with self.database.read() as tx:
            rows = tx.all("changes_before", before=number or _NEWEST, who=who, limit=limit)
        return tuple(map(_change, rows))


def _user(row: Row[Any]) -> User:
    return USER.validate_json(row.value)


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        user=row.username,
        began_at=_at(row.began_at),
        seen_at=_at(row.seen_at),
        expires_at=_at(row.expires_at),
        address=row.address,
        agent=row.agent,
    )


def _change(row: Row[Any]) -> Change:
    return Change(
        number=row.number,
        at=_at(row.at),
        who=row.who,
        role=row.role,
        via=row.via,
        address=row.address,
        action=row.action,
        target=row.target,
        said=row.said,
        status=row.status,
    )


def _at(text: str) -> datetime:
    if found := instant(text):
        return found
    raise Bug("a time in the store is empty")

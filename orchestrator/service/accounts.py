"""Accounts: who may sign in and what they may do then, as an admin or they themselves say."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.model.access import Role
from orchestrator.model.account import Session, Source, User, check_name
from orchestrator.model.document import hint
from orchestrator.model.errors import ConfigError, Denied, NotFound
from orchestrator.model.secret import Secret
from orchestrator.ports.accounts import Passwords, Sessions, Users
from orchestrator.ports.clock import Clock

SHORTEST: Final = 12
LONGEST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What somebody is to be here."""

    role: Role
    #: of a lieutenant
    archs: tuple[str, ...] = ()
    #: of a vendor
    partner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Keeps the users; every verb is safe to repeat."""

    clock: Clock
    users: Users
    sessions: Sessions
    passwords: Passwords
    #: the partners and archs that a role can be about
    partners: Collection[str]
    archs: Collection[str]

    def add(self, name: str, place: Place, password: Secret) -> User:
        """Store a local user; raise `Occupied` for a name that is taken, else `ConfigError`."""
        check_name(name)
        self.check(place)
        self.check_password(name, password)
        user = User(
            name=name,
            role=place.role,
            archs=place.archs,
            partner=place.partner,
            source=Source.LOCAL,
            created_at=self.clock.now(),
        )
        self.users.add(user, self.passwords.hash(password))
        return user

    def all(self) -> tuple[User, ...]:
        """Return every user by name."""
        return self.users.all()

    def one(self, name: str) -> User:
        """Return the user; raise `NotFound`."""
        return self._found(name)[0]

    def set_role(self, name: str, place: Place) -> User:
        """Make a user something else; what they have open goes on as that, at once."""
        self.check(place)
        user = replace(self.one(name), role=place.role, archs=place.archs, partner=place.partner)
        self.users.change(user)
        return user

    def disable(self, name: str) -> User:
        """Let a user do nothing any more, wherever they are signed in."""
        user = replace(self.one(name), disabled=True)
        self.users.change(user)
        self.sessions.end_of(name)
        return user

    def enable(self, name: str) -> User:
        """Let a user in again."""
        user = replace(self.one(name), disabled=False)
        self.users.change(user)
        return user

    def set_password(self, name: str, password: Secret) -> User:
        """Give a local user another password; they are signed out everywhere."""
        user = self.one(name)
        if user.source is not Source.LOCAL:
            raise ConfigError(f"{name} signs in at the identity provider: change it there")
        self.check_password(name, password)
        self.users.set_password(name, self.passwords.hash(password))
        self.sessions.end_of(name)
        return user

    def change_password(self, name: str, old: Secret, new: Secret) -> User:
        """Change one's own; raise `Denied` unless `old` is what it was."""
        _, kept = self._found(name)
        if not self.passwords.right(kept, old):
            raise Denied("that is not your present password; nothing was changed")
        return self.set_password(name, new)

    def sessions_of(self, name: str) -> tuple[Session, ...]:
        """Return where the user is signed in, the newest first."""
        return self.sessions.of(name)

    def end_sessions(self, name: str, *, but: str = "", only: str = "") -> None:
        """Sign the user out: everywhere, everywhere else, or in one place."""
        self.sessions.end_of(name, but=but, only=only)

    def check(self, place: Place) -> None:
        """Raise `ConfigError` for what nobody can be."""
        if (place.role is Role.VENDOR) != bool(place.partner):
            raise ConfigError("a vendor speaks for one --partner, and nobody else does")
        if place.partner and place.partner not in self.partners:
            raise ConfigError(
                f"this lab has no partner {place.partner}; {hint(place.partner, self.partners)}"
            )
        if place.archs and place.role is not Role.LIEUTENANT:
            raise ConfigError("only a lieutenant answers for --arch")
        for arch in place.archs:
            if "*" not in arch and arch not in self.archs:
                raise ConfigError(f"this lab has no arch {arch}; {hint(arch, self.archs)}")

    def check_password(self, name: str, password: Secret) -> None:
        """Raise `ConfigError` for a password that is soon guessed; it never shows the password."""
        text = password.reveal()
        if not SHORTEST <= len(text) <= LONGEST:
            raise ConfigError(f"a password has {SHORTEST} to {LONGEST} characters; a sentence will")
        if why := self.passwords.weakness(password, (name, "smoketest")):
            raise ConfigError(f"that password is soon guessed: {why}")

    def _found(self, name: str) -> tuple[User, str]:
        if found := self.users.find(name):
            return found
        raise NotFound(f"there is no user {name}; `smoketest user list` lists them")

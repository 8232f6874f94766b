"""Verbs about people: who may sign in, and who changed what."""

import getpass
import sys
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from orchestrator.cli.durations import ago, local
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.access import Role
from orchestrator.model.account import Change, User
from orchestrator.model.errors import ConfigError

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose account.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What somebody is to be."""

    role: Annotated[Role, typer.Option(metavar="ROLE", help=", ".join(Role))]
    arch: Annotated[
        list[str] | None,
        typer.Option(metavar="ARCH", help="A lieutenant's, as a glob; repeatable. Default: all."),
    ] = None
    partner: Annotated[
        str, typer.Option(metavar="NAME", help="A vendor's: the partner that they speak for.")
    ] = ""

    def body(self) -> dict[str, object]:
        """Return it as the API takes it."""
        return {"role": self.role, "archs": list(self.arch or ()), "partner": self.partner}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """How a password comes in: never as a word of the command, which everybody here can read."""

    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line.")
    ] = False

    def read(self) -> str:
        """Return the password; ask twice for it on a terminal."""
        if self.password_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if not sys.stdin.isatty():
            raise ConfigError("no terminal to ask for the password at: pipe it to --password-stdin")
        first = getpass.getpass("password: ")
        if first != getpass.getpass("again: "):
            raise ConfigError("the password was typed in two ways; nothing was changed")
        return first


def add(session: Session, name: Name, place: Place, typed: Typed) -> None:
    """Add a user; from the first one on nobody acts without signing in."""
    body = {"name": name, **place.body(), "password": typed.read()}
    user = session.client().send(User, "POST", "/api/users", body)
    session.show(user, f"{user.name} may sign in as {_role(user)}")


def listed(session: Session) -> None:
    """List the users: who they are here, and when they last came."""
    found = session.client().send(tuple[User, ...], "GET", "/api/users")
    made = table("user", "role", "by", "last signed in")
    for user in found:
        state = "disabled" if user.disabled else ago(user.seen_at) if user.seen_at else "never"
        made.add_row(user.name, _role(user), user.source, state)
    session.show({"users": found}, made if found else "there are no users: `smoketest user add`")


def role(session: Session, name: Name, place: Place) -> None:
    """Make a user something else, at once."""
    user = session.client().send(User, "POST", _path(name, "role"), place.body())
    session.show(user, f"{user.name} is {_role(user)} now")


def passwd(session: Session, name: Name, typed: Typed) -> None:
    """Give a user another password; they are signed out everywhere."""
    body = {"password": typed.read()}
    user = session.client().send(User, "POST", _path(name, "password"), body)
    session.show(user, f"{user.name} has another password, and is signed out everywhere")


def disable(session: Session, name: Name) -> None:
    """Let a user do nothing any more: sessions end, tokens open nothing."""
    user = session.client().send(User, "POST", _path(name, "disable"))
    session.show(user, f"{user.name} may do nothing any more; `smoketest user enable` undoes it")


def enable(session: Session, name: Name) -> None:
    """Let a user in again."""
    user = session.client().send(User, "POST", _path(name, "enable"))
    session.show(user, f"{user.name} may sign in again as {_role(user)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of the record."""

    who: Annotated[str, typer.Option(metavar="NAME", help="Only what they changed.")] = ""
    before: Annotated[int, typer.Option(metavar="NUMBER", help="Only what is older.")] = 0
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=500, help="So many.")] = 50


def audit(session: Session, part: Part) -> None:
    """Show who changed what, when and from where, the newest first."""
    query = f"who={quote(part.who, safe='')}&before={part.before}&limit={part.limit}"
    found = session.client().send(tuple[Change, ...], "GET", f"/api/audit?{query}")
    made = table("number", "when", "who", "from", "what", "said", "answer")
    for change in found:
        method = change.action.partition(" ")[0]
        who = f"{change.who} ({change.role or 'nobody'}, {change.via})"
        answer = str(change.status or "none")
        cells = (str(change.number), local(change.at), who, change.address)
        made.add_row(*cells, Text(f"{method} {change.target}"), Text(change.said), answer)
    session.show({"changes": found}, made if found else "nothing was changed yet")


def _role(user: User) -> str:
    whose = ", ".join(user.archs) or user.partner
    return f"{user.role} of {whose}" if whose else str(user.role)


def _path(name: str, action: str) -> str:
    return f"/api/users/{quote(name, safe='')}/{action}"

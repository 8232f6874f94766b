"""Verbs about who may speak to this orchestrator."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from orchestrator.cli.durations import ago, local
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.access import Role, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A new token, and what opens."""

    token: Token
    opens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new token is to be good for."""

    role: Annotated[Role, typer.Option(metavar="ROLE", help=", ".join(Role))]
    partner: Annotated[
        str, typer.Option(metavar="NAME", help="A vendor's: the partner that it speaks for.")
    ] = ""
    arch: Annotated[
        list[str] | None, typer.Option(metavar="ARCH", help="Good for this arch only; repeatable.")
    ] = None
    days: Annotated[float, typer.Option(metavar="N", help="Good for so long.")] = 90
    note: Annotated[str, typer.Option(metavar="TEXT", help="Whose it is.")] = ""
    user: Annotated[
        str, typer.Option(metavar="NAME", help="Whose it is: it never does more than they may.")
    ] = ""


def add(session: Session, wish: Wish) -> None:
    """Make a token and show it, this once: nobody can show it again."""
    body = {
        "role": wish.role,
        "partner": wish.partner,
        "archs": list(wish.arch or ()),
        "days": wish.days,
        "note": wish.note,
        "user": wish.user,
    }
    given = session.client().send(Given, "POST", "/api/tokens", body)
    until = f"id {given.token.id}, good until {given.token.expires_at:%Y-%m-%d}; keep it, it is "
    session.say(f"{until}shown this once")
    session.show(given, given.opens)


def listed(session: Session) -> None:
    """List the tokens: for what, until when, last used."""
    found = session.client().send(tuple[Token, ...], "GET", "/api/tokens")
    made = table("id", "user", "role", "partner", "archs", "note", "state", "last used")
    for token in found:
        used = ago(token.used_at) if token.used_at else "never"
        archs = ", ".join(token.archs) or "all"
        whose = (token.user, token.role, token.partner, archs, token.note)
        made.add_row(token.id, *whose, _state(token), used)
    session.show({"tokens": found}, made if found else "there are no tokens: `smoketest token add`")


def revoke(
    session: Session, token: Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
) -> None:
    """Make a token worth nothing, at once."""
    found = session.client().send(Token, "POST", f"/api/tokens/{token}/revoke")
    session.show(found, f"the token {found.id} opens nothing any more")


def _state(token: Token) -> str:
    if token.revoked_at:
        return f"revoked {local(token.revoked_at)}"
    if not token.good(datetime.now(UTC)):
        return f"expired {local(token.expires_at)}"
    return f"good until {local(token.expires_at)}"

"""`smoketest notices` and `smoketest replay`: what people were told, and telling it again."""

from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from orchestrator.cli.durations import ago
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.notice import Message


def notices(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of `[notices.NAME]` only.")] = "",
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 20,
) -> None:
    """List the newest messages to people and programs, and what became of them."""
    path = f"/api/notices?limit={limit}&subscription={quote(name, safe='')}"
    found = session.reader().send(tuple[Message, ...], "GET", path)
    said = _table(found) if found else "nothing was told to anybody yet"
    session.show({"messages": found}, said)


def replay(
    session: Session, message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id.")]
) -> None:
    """Send a message once more, under the same id."""
    path = f"/api/notices/{quote(message, safe='')}/replay"
    again = session.reader().send(Message, "POST", path)
    session.show(again, f"{again.id} goes out again: `smoketest notices {again.subscription}`")


def _table(found: tuple[Message, ...]) -> Table:
    made = table("message", "to", ">changes", "made", "state", ">tries", "said")
    for message in found:
        made.add_row(
            message.id,
            f"{message.subscription} {message.recipient}".rstrip(),
            str(len(message.changes)),
            ago(message.made_at),
            message.state,
            str(message.tries),
            message.said,
        )
    return made

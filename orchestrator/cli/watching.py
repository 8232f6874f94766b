"""`smoketest watches`: which repositories start runs by themselves, and how far that got."""

from rich.table import Table
from rich.text import Text

from orchestrator.cli.durations import ago
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.view import WatchView

_NONE = "no repository is watched: write [watch.NAME] into the lab file (docs/watches.md)"


def watches(session: Session) -> None:
    """List the watched branches: the newest commit that was asked for, its run, its troubles."""
    found = session.reader().send(tuple[WatchView, ...], "GET", "/api/watches")
    troubles = [
        Text(f"! {view.watch}: {view.trouble}", style="yellow") for view in found if view.trouble
    ]
    session.show({"watches": found}, _table(found) if found else _NONE, *troubles)


def _table(found: tuple[WatchView, ...]) -> Table:
    made = table("watch", "lane", "repository", "branch", "commit", ">run", "looked")
    for view in found:
        looked = ago(view.looked_at) if view.looked_at else "not yet"
        for at in view.seen:
            run = str(at.run) if at.run else "-"
            made.add_row(view.watch, view.lane, view.repo, at.branch, at.commit, run, looked)
        if not view.seen:
            wanted = ", ".join(view.branches)
            made.add_row(view.watch, view.lane, view.repo, wanted, "none yet", "-", looked)
    return made

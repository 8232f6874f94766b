"""Verbs that ask for a run, or what one would be."""

import getpass
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import references, tables
from orchestrator.cli.client import Body, Client
from orchestrator.cli.durations import counted, spoken
from orchestrator.cli.follow import follow
from orchestrator.cli.series import laid_on, patch
from orchestrator.cli.session import Session
from orchestrator.cli.summary import next_step, title
from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Lane, Select
from orchestrator.model.run import State
from orchestrator.model.view import PlanView

#: so many pairs are named that no arch holds
_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to run where."""

    repo: Annotated[
        str,
        typer.Argument(
            metavar="REPO[@REF]",
            help="An alias (`sample` in the lab in a box), a folder (./here) or a URL; REF is a "
            "branch, tag or commit, by default the repository's own.",
        ),
    ]
    on: Annotated[
        list[str] | None, typer.Option("--on", metavar="ARCH,...", help="These archs only.")
    ] = None
    every: Annotated[bool, typer.Option("--all", help="All archs, as without --on.")] = False
    select: Annotated[
        Select,
        typer.Option(
            help="Thin them out: every setting once, every pair of settings, or every t of them."
        ),
    ] = Select.ALL
    patch: Annotated[
        list[Path] | None,
        typer.Option("--patch", metavar="FILE", help="Lay this diff on top; may be repeated."),
    ] = None
    series: Annotated[
        Path | None,
        typer.Option(
            "--series",
            metavar="DIR",
            help="Lay an operator's folder of patches on top, without those that are upstream.",
        ),
    ] = None
    others: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="REPO@REF", help="Another repository's ref; repeatable."),
    ] = None
    lane: Annotated[Lane, typer.Option(help="How it queues.")] = Lane.ASKED
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for those who wait.")] = ""
    trust_code: Annotated[
        bool,
        typer.Option(
            "--trust-code",
            help="On simulated machines this code runs on this host as the lab's user: accept it.",
        ),
    ] = False

    def body(self) -> Body:
        """Return the request for the API; raise `ConfigError` for what cannot be one."""
        ref = references.parse(self.repo)
        return {
            "repo": ref.repo,
            "ref": ref.ref,
            "archs": self._archs(),
            "select": self.select,
            "patches": [patch(path) for path in self.patch or ()],
            "others": [
                {"repo": other.repo, "ref": other.ref}
                for other in map(references.parse, self.others or ())
            ],
            "lane": self.lane,
            "reason": self.reason,
            "requester": requester(),
            "trust_code": self.trust_code,
            "key": secrets.token_hex(16),
        }

    def _archs(self) -> list[str]:
        named = [name.strip() for text in self.on or () for name in text.split(",")]
        if self.every and named:
            msg = "--on and --all contradict each other: leave one of them out"
            raise ConfigError(msg)
        if self.on and not all(named):
            msg = "--on needs the names of archs, e.g. --on kvm-flat,kvm-vlan: `smoketest archs`"
            raise ConfigError(f"{msg} lists them")
        return named


def run(
    session: Session,
    wanted: Wanted,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Show it until it is over.")] = False,
) -> int | None:
    """Ask for a run: one cell per arch, on leased and reinstalled machines."""
    client = session.client()
    view = client.ask(_body(session, client, wanted))
    if wait or view.state is State.DONE:
        return follow(session, client, view)
    asked = f"asked for {counted(len(view.cells), 'cell')}"
    session.show(view, title(view), asked, next_step(view))
    return None


def plan(session: Session, wanted: Wanted) -> None:
    """Say what a run would be: cells, machines, time, pairs of settings covered."""
    client = session.client()
    view = client.plan(_body(session, client, wanted))
    head = f"{view.repo}@{view.ref}  {view.commit}  {view.subject}".rstrip()
    skipped = [f"{c.arch} is skipped: {c.skipped}" for c in view.cells if c.skipped]
    session.show(view, head, "", tables.plan(view), "", *skipped, _costs(view))


def _body(session: Session, client: Client, wanted: Wanted) -> Body:
    """Return the request, with the series on trunk that the orchestrator says is not there yet."""
    body = wanted.body()
    return laid_on(session, client, body, wanted.series) if wanted.series else body


def _some(view: PlanView) -> str:
    """Return the first pairs that no arch holds, and that there are more."""
    more = "; ..." if len(view.never_meet) > _NAMED else ""
    return "; ".join(view.never_meet[:_NAMED]) + more


def _spread(what: str, usual: float, late: float | None) -> str:
    """Return when, and when if all takes as long as one in ten does; `now` for no time at all."""
    if not late:
        return f"{what} now"
    return f"{what} in about {spoken(usual)} (at worst {spoken(late)})"


def _costs(view: PlanView) -> str:
    runs = [cell for cell in view.cells if not cell.skipped]
    parts = [f"{counted(len(runs), 'cell')} on {counted(view.machines, 'machine')}"]
    if view.machine_hours is not None:
        parts.append(f"{view.machine_hours:.2f} machine-hours")
    if view.start_seconds is not None and view.finish_seconds is not None:
        parts.append(_spread("starts", view.start_seconds, view.late_start_seconds))
        parts.append(_spread("done", view.finish_seconds, view.late_finish_seconds))
    elif view.estimate_seconds is not None:
        parts.append(f"about {spoken(view.estimate_seconds)} with nobody else in the queue")
    else:
        parts.append("how long is not known before each arch has passed once")
    parts.append(f"{view.pairs_covered} of {view.pairs_possible} pairs of settings")
    if view.never_meet:
        parts.append(f"{counted(len(view.never_meet), 'pair')} no arch holds: {_some(view)}")
    return "; ".join(parts)


def requester() -> str:
    """Return who asks, for those who wait."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"

"""Verbs about partners: how they keep to what was agreed, and working as one."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from orchestrator.cli.durations import ago, spoken
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.errors import ConfigError
from orchestrator.model.view import PartnerView

#: the process that works; it is told no secret, only where one is
_WORKER = "orchestrator.cli.partner_process"
_NONE = "this lab has no partners: docs/vendors.md says how to chain one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How a partner's worker does what it is given."""

    token_file: Annotated[
        str, typer.Option(metavar="FILE", help="Holds the vendor's token; mode 0600.")
    ]
    run: Annotated[
        str,
        typer.Option(
            metavar="CMD",
            help="Run this for each order, with RUN_ID, ARCH, REPO, REF, COMMIT and RESULTS in its "
            "environment; it leaves its JUnit files in the folder RESULTS.",
        ),
    ] = ""
    jenkins: Annotated[
        str, typer.Option(metavar="URL", help="Or have a job of this Jenkins do it.")
    ] = ""
    job: Annotated[str, typer.Option(metavar="JOB", help="Its name there, with folders.")] = ""
    user: Annotated[str, typer.Option(metavar="USER", help="Of that Jenkins.")] = ""
    api_token: Annotated[
        str, typer.Option(metavar="REF", help="Of that user: env:NAME or file:PATH.")
    ] = ""
    every: Annotated[float, typer.Option(metavar="S", min=0.1, help="Ask so often.")] = 5
    folder: Annotated[
        str, typer.Option(metavar="DIR", help="Keeps the key that signs, and what was run.")
    ] = "~/.local/state/smoketest-partner"
    once: Annotated[bool, typer.Option("--once", help="End after one order.")] = False


def partners(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="In full.")] = "",
) -> None:
    """List the partners: how often they answer, how fast, how often others disagree."""
    if name:
        found = session.client().send(PartnerView, "GET", f"/api/partners/{quote(name, safe='')}")
        session.show(found, *_detail(found))
        return
    every = session.client().send(tuple[PartnerView, ...], "GET", "/api/partners")
    session.show({"partners": every}, _board(every) if every else _NONE)


def serve(session: Session, work: Work) -> None:
    """Work as a partner behind a firewall: ask --server for orders, run them, bring the results.

    No port is opened here. A result is signed by a key that is made at the first start.
    """
    if session.named is None:
        raise ConfigError("say whom to work for: --server URL")
    if bool(work.run) == bool(work.jenkins):
        raise ConfigError("say either --run CMD, or --jenkins URL with --job JOB")
    if work.jenkins and not work.job:
        raise ConfigError("--jenkins needs --job JOB: which job does it")
    # In a process of its own: what speaks Jenkins takes long to import, and others verbs need none.
    told = json.dumps({"server": session.named.url, **asdict(work)})
    command = [sys.executable, "-P", "-m", _WORKER, told]
    os.execv(command[0], command)  # noqa: S606  # our own program


def _board(views: tuple[PartnerView, ...]) -> Table:
    made = table("partner", "takes", ">asked", ">in time", ">late", ">silent", ">usually", "others")
    for view in views:
        rate = f"{view.answer_rate:.0%}" if view.answer_rate is not None else "-"
        made.add_row(
            f"{view.name} ({view.trouble})" if view.trouble else view.name,
            ", ".join(view.archs),
            str(view.asked),
            rate,
            str(view.late),
            str(view.silent),
            spoken(view.usual_seconds),
            _agreement(view),
        )
    return made


def _agreement(view: PartnerView) -> str:
    if not view.compared:
        return "nothing to compare"
    return f"{len(view.disagreed)} of {view.compared} otherwise"


def _detail(view: PartnerView) -> tuple[str | Table, ...]:
    made = table("attempt", "commit", "stands", "claims", "asked", "where")
    for order in view.orders:
        made.add_row(
            order.attempt, order.commit, order.standing, order.claim, ago(order.asked_at), order.url
        )
    where = view.url or "it comes to us"
    head = f"{view.name}: {where}; takes {', '.join(view.archs)}"
    lines: list[str | Table] = [head, _board((view,)), "", made]
    if view.disagreed:
        lines.append(f"others judged otherwise: {', '.join(view.disagreed)}")
    return tuple(lines)

"""The demo: the mission in one command, on a lab of its own, judged by what it promises."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from orchestrator.cli import embedded
from orchestrator.cli.ask import Wanted
from orchestrator.cli.client import Client
from orchestrator.cli.embedded import Up
from orchestrator.cli.matrix import matrix
from orchestrator.cli.progress import Lines
from orchestrator.cli.session import Session
from orchestrator.lab.hypervisors import libvirt
from orchestrator.model.node import NodeState
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.model.view import CellView, NodeView, RunView

GOOD, BROKEN = "trunk", "multi-nic"
#: hypervisors whose drivers the second branch forgets
FORGOTTEN = frozenset({"xenserver", "hyperv"})
LIAR = "n03"
NODES = 10
POLL_SECONDS = 0.5
GLYPHS = {True: "✓", False: "✗"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that the demo promises, and whether it came true."""

    says: str
    holds: bool


def demo(
    session: Session,
    *,
    speed: Annotated[str, typer.Option(help="Times faster than hardware, or max.")] = "4",
) -> int | None:
    """Show it all on a fresh lab in a box: a good branch, a bad one, and a BMC that lies."""
    home = session.home / "demo"
    embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    began = time.monotonic()
    running = embedded.start(home, Up(nodes=NODES, speed=speed), session.err)
    client = Client(running.server)
    session.say(f"{NODES} simulated machines behind real BMCs; the matrix is at {running.url}")
    client.send(object, "POST", "/api/lab/faults", {"node": LIAR, "kind": "lying"})
    session.say(f"the BMC of {LIAR} now accepts every command and does nothing")
    if lacking := libvirt.missing():
        session.say(f"no libvirt here, so KVM's guests are mere definitions: {lacking}")
    on = _voting(client)
    asked = [client.ask(Wanted(repo=f"sample@{ref}", on=on).body()).run for ref in (GOOD, BROKEN)]
    views = _watch(client, asked, session.live)
    seconds = round(time.monotonic() - began, 1)
    claims = tuple(_claims(views, client))
    told = [f"{GLYPHS[claim.holds]} {claim.says}" for claim in claims]
    session.show(
        {"claims": claims, "runs": views, "seconds": seconds},
        "",
        matrix(list(reversed(views)), session.out),
        *told,
        f"all of it took {seconds:.0f} s",
    )
    _leave(session, home, running.url)
    return 0 if all(claim.holds for claim in claims) else 1


def _voting(client: Client) -> list[str]:
    """Return the archs that judge the sample; those that advise only would make it longer."""
    planned = client.plan(Wanted(repo=f"sample@{GOOD}").body())
    return [cell.arch for cell in planned.cells if cell.voting]


def _watch(client: Client, runs: Sequence[int], console: Console) -> list[RunView]:
    """Show the runs side by side until all are over, and return them."""
    if not console.is_terminal:
        lines = Lines(console)
        return _follow(client, runs, lines.update)
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def draw(_: RunView) -> None:
            live.update(matrix([client.run(run) for run in reversed(runs)], console))

        return _follow(client, runs, draw)


def _follow(
    client: Client, runs: Sequence[int], show: Callable[[RunView], object]
) -> list[RunView]:
    while True:
        views = [client.run(run) for run in runs]
        for view in views:
            show(view)
        if all(view.state is State.DONE for view in views):
            return views
        time.sleep(POLL_SECONDS)


def _claims(views: Sequence[RunView], client: Client) -> Iterator[Claim]:
    """Yield what the demo promises, each looked up in what really happened."""
    good, broken = views
    kinds = {arch.name: set(arch.hypervisors) for arch in client.archs()}
    forgotten = [cell for cell in broken.cells if kinds[cell.arch] & FORGOTTEN]
    others = [cell for cell in broken.cells if cell not in forgotten]
    passed = all(cell.verdict is Verdict.PASSED for cell in good.cells)
    yield Claim(says=f"{GOOD} passes on all {len(good.cells)} archs", holds=passed)
    yield Claim(
        says=f"{BROKEN} passes on the {len(others)} archs whose drivers were adapted",
        holds=all(cell.verdict is Verdict.PASSED for cell in others),
    )
    yield Claim(
        says=f"{BROKEN} fails on exactly {_names(forgotten)}: {forgotten[0].cause}",
        holds=all(_blames_the_mac_address(cell) for cell in forgotten),
    )
    yield _lie(good.cells + broken.cells, client.nodes())


def _blames_the_mac_address(cell: CellView) -> bool:
    named = "mac" in cell.cause.lower()
    return cell.verdict is Verdict.FAILED and cell.blame is Blame.PRODUCT and named


def _lie(cells: Sequence[CellView], nodes: Sequence[NodeView]) -> Claim:
    """Return whether the lying BMC was found out, at no cell's expense."""
    liar = next(node for node in nodes if node.name == LIAR)
    again = [cell.cell for cell in cells if cell.attempts > 1]
    settled = all(cell.verdict in {Verdict.PASSED, Verdict.FAILED} for cell in cells)
    return Claim(
        says=f"{LIAR} lied to {len(again)} cells ({', '.join(again)}), each decided on another"
        f" machine; it is {liar.state}: {liar.reason or 'nothing was held against it'}",
        holds=bool(again) and settled and liar.state == NodeState.QUARANTINED,
    )


def _names(cells: Sequence[CellView]) -> str:
    return ", ".join(cell.arch for cell in cells)


def _leave(session: Session, home: Path, url: str) -> None:
    """Leave the page up while somebody may be looking, and nothing at all otherwise."""
    if session.as_json or not session.out.is_terminal:
        embedded.stop(home)
        return
    session.say(f"the pages stay at {url}: `smoketest down --home {home}` ends them")

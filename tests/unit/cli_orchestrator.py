"""An orchestrator's HTTP API with views that a test sets: what the command line speaks to.

`python -m tests.unit.cli_orchestrator HOME` serves it until SIGTERM and announces it in HOME, as
`python -m orchestrator.cli.serve HOME` does.
"""

import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter

from orchestrator.model.checkup import Check, Mark, NodeTest
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.node import Provenance
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.model.view import (
    ArchView,
    AttemptView,
    CellDetail,
    CellView,
    NodeView,
    Owner,
    Phases,
    PlannedCell,
    PlanView,
    RunView,
    Tally,
)

ASKED = datetime.now(UTC) - timedelta(seconds=90)
HELD = datetime.now(UTC) + timedelta(hours=2)
CAUSE = "create server: 500 no such column: mac_address"


def cell(arch: str, verdict: Verdict | None = None, **changes: Any) -> CellView:  # noqa: ANN401
    """Return a cell: settled with that verdict, or waiting."""
    made = CellView(
        cell=f"12/{arch}",
        arch=arch,
        state=State.DONE if verdict else State.WAITING,
        stage="",
        verdict=verdict,
        blame=None,
        cause="",
        voting=True,
        provenance=Provenance.SIMULATED,
        attempts=1,
        phases=Phases(lease=0.1, provision=4.5, deploy=6.25, smoke=3.0),
        tests=Tally(passed=9),
        nodes=("n01", "n02"),
        why="" if verdict else "waits for a machine with xen: 0 of 2 free",
        url=f"http://127.0.0.1:1/cells/12/{arch}",
        updated=ASKED + timedelta(seconds=14),
    )
    return replace(made, **changes)


def run(*cells: CellView, exit_status: int | None = None, number: int = 12) -> RunView:
    """Return a run of these cells; over if it has an exit status."""
    return RunView(
        run=number,
        repo="sample",
        ref="multi-nic",
        commit="1a2b3c4d5e",
        subject="Move the MAC address to a table of its own",
        requester="ada",
        lane="asked",
        reason="",
        state=State.RUNNING if exit_status is None else State.DONE,
        asked_at=ASKED,
        exit=exit_status,
        url=f"http://127.0.0.1:1/runs/{number}",
        cells=cells,
    )


PASSED = cell("kvm-flat", Verdict.PASSED)
FAILED = cell("xenserver-flat", Verdict.FAILED, blame=Blame.PRODUCT, cause=CAUSE)
RED = run(PASSED, FAILED, exit_status=1)


def detail(of: CellView = FAILED) -> CellDetail:
    """Return that cell with one attempt."""
    stage = Stage.SMOKE
    begun = Event(kind=Kind.STARTED, stage=stage, at=ASKED, seq=1)
    ended = Event(kind=Kind.FINISHED, stage=stage, at=ASKED + timedelta(seconds=3), seq=2)
    attempt = AttemptView(
        attempt=f"{of.cell}/1",
        verdict=of.verdict,
        blame=of.blame,
        cause=of.cause,
        nodes=of.nodes,
        phases=of.phases,
        tests=(TestResult(name="test_boot", outcome=Outcome.FAILED, seconds=1, message="500"),),
        events=(begun, ended),
        files=("console-n01.log", "junit.xml"),
        held_until=HELD,
        ssh=("ssh -p 22 root@127.7.0.9",),
    )
    return CellDetail(run=RED, cell=of, lieutenants=("xen-team",), attempts=(attempt,))


def node(name: str, state: str = "in-service", reason: str = "") -> NodeView:
    """Return a machine."""
    return NodeView(
        name=name,
        provenance=Provenance.SIMULATED,
        capabilities=("kvm", "x86_64"),
        state=state,
        reason=reason,
        since=ASKED if reason else None,
        holder="",
        held_until=None,
        marks=0,
        bmc="127.7.0.1:623",
        address="127.7.0.9:22",
    )


PLAN = PlanView(
    repo="sample",
    ref="trunk",
    commit="1a2b3c4d5e",
    subject="Say hello",
    cells=(
        PlannedCell(
            arch="kvm-flat", machines=2, needs=("2 x kvm",), voting=True, usual_seconds=14.0
        ),
    ),
    machines=2,
    machine_hours=0.01,
    estimate_seconds=14.0,
    pairs_covered=1,
    pairs_possible=8,
)
ARCH = ArchView(
    name="kvm-flat",
    summary="Compute on one hypervisor",
    hypervisors=("kvm",),
    machines=2,
    voting=True,
    lieutenants=("kvm-team",),
    source="reference_archs/compute.yaml:1",
)
OWNER = Owner(lieutenants=("kvm-team",), archs=("kvm-flat",), because="it is a hypervisor")
TESTED = NodeTest(
    node="n01",
    ok=True,
    checks=(Check(name="login", mark=Mark.OK, said="the BMC lets 'admin' in", seconds=0.05),),
)
BOARD: dict[str, Any] = {
    "kinds": ["busy", "lying"],
    "faults": [{"node": "n01", "kind": "busy", "chance": 0.5, "until": None}],
}


@dataclass
class Canned:
    """What is answered: the run, or its steps one after the other; and what was asked."""

    steps: list[RunView] = field(default_factory=lambda: [RED])
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    #: (status, problem) to answer every request with
    problem: tuple[int, dict[str, object]] | None = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def next(self) -> RunView:
        """Return the present step; the last one stays."""
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def posted(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Return the body of the newest request that had one."""
        return next(body for _, _, body in reversed(self.asked) if body is not None)

    def answer(self, method: str, path: str) -> object:
        """Return what the API says there."""
        if path.endswith("/cancel") and path.startswith("/api/runs"):
            return self.steps[-1]
        if path.startswith("/api/cells/"):
            return detail()
        if path.endswith("/test"):
            return TESTED
        if path.startswith("/api/nodes"):
            return (node("n01"), node("n07", "quarantined", "its BMC lies"))
        fixed: dict[str, object] = {
            "/api/plan": PLAN,
            "/api/archs": (ARCH,),
            "/api/who": OWNER,
            "/api/health": {
                "status": "ok",
                "version": "0.1.0",
                "orchestrator": "0a1b2c3d4e5f",
                "lab": "in a box",
                "nodes": 2,
            },
        }
        if path.startswith("/api/lab/faults"):
            return BOARD
        if path == "/api/runs" and method == "GET":
            return tuple(self.steps)
        return fixed.get(path) or self.next()


def app(canned: Canned) -> FastAPI:
    """Return the server of those answers; writing needs the token."""
    made = FastAPI()

    @made.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
    async def everything(request: Request) -> Response:
        body = await request.body()
        told = json.loads(body) if body else None
        canned.asked.append((request.method, str(request.url.path), told))
        said = request.headers.get("authorization", "")
        if canned.problem:
            return JSONResponse(canned.problem[1], canned.problem[0])
        if request.method != "GET" and said != f"Bearer {canned.token}":
            return JSONResponse({"detail": "writing needs a token", "blame": "config"}, 401)
        answer = canned.answer(request.method, request.url.path)
        return Response(TypeAdapter(object).dump_json(answer), media_type="application/json")

    return made


@contextmanager
def serving(canned: Canned) -> Iterator[str]:
    """Yield the address at which the answers are given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app(canned), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive(), "the server did not stop"


def announce(home: Path, url: str, token: str, pid: int) -> None:
    """Write what a running orchestrator writes into its home."""
    home.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"url": url, "token": token, "pid": pid})
    draft = home / "server.new"
    draft.write_text(text)
    draft.replace(home / "server.json")


def main() -> None:
    """Serve a run that never ends, on the home in the arguments."""
    canned = Canned(steps=[run(PASSED, cell("xenserver-flat"))])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Path(sys.argv[1], "starts").open("a") as starts:
            starts.write(" ".join(sys.argv[2:]) + "\n")
        announce(Path(sys.argv[1]), url, canned.token, os.getpid())
        uvicorn.Server(uvicorn.Config(app(canned), log_config=None)).run(sockets=[listener])


if __name__ == "__main__":
    main()

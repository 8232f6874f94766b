"""`smoketest inventory discover`: which BMCs answer in a network, ready to become nodes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from orchestrator.cli import found as shown
from orchestrator.cli.decode import decode, encode
from orchestrator.cli.session import Session
from orchestrator.model.discovery import IPMI_PORT, Finding, addresses
from orchestrator.model.errors import Bug, ConfigError, SmoketestError
from orchestrator.model.verdict import ExitStatus
from orchestrator.model.view import NodeView

#: loading what speaks to BMCs takes a second, which no other verb should wait for
MODULE = "orchestrator.cli.discovering"
_PACKAGE = Path(__file__).resolve().parents[2]

Ranges = Annotated[
    list[str],
    typer.Argument(metavar="RANGE...", help="10.20.1.0/24, 10.20.1.5-10.20.1.40 or 10.20.1.5."),
]
Toml = Annotated[bool, typer.Option("--toml", help="Print [[nodes]] tables for a lab file.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How BMCs are asked."""

    user: Annotated[
        str, typer.Option(metavar="U", help="Log in once to each BMC, to learn what it is of.")
    ] = ""
    password: Annotated[
        str, typer.Option(metavar="env:NAME|file:PATH", help="Where the password is.")
    ] = ""
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of IPMI.")] = IPMI_PORT
    redfish_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of Redfish. 0: 443 by HTTPS, 80 by HTTP.")
    ] = 0
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="Send the password over Redfish to whoever has any certificate."
        ),
    ] = False
    at_once: Annotated[
        int, typer.Option(min=1, max=1000, help="Addresses that are asked at a time.")
    ] = 256


def discover(session: Session, ranges: Ranges, asking: Asking, *, toml: Toml = False) -> int:
    """Find BMCs in address ranges, by IPMI and Redfish, and say what they are of."""
    if toml and session.as_json:
        raise ConfigError("--json and --toml contradict each other: choose one")
    if bool(asking.user) != bool(asking.password):
        raise ConfigError("a login needs both: --user NAME and --password env:NAME or file:PATH")
    size = len(addresses(tuple(ranges)))
    known = _known(session)
    findings = [_marked(finding, known) for finding in _search(session, ranges, asking, size)]
    findings.sort(key=lambda finding: tuple(map(int, finding.address.split("."))))
    if toml:
        for line in shown.tables(findings, asking.user, asking.password):
            session.out.file.write(line + "\n")
        return ExitStatus.PASSED
    summary = shown.summary(findings, size, tried=bool(asking.user))
    session.show({"asked": size, "findings": findings}, shown.table(findings), summary)
    return ExitStatus.PASSED


def _search(session: Session, ranges: list[str], asking: Asking, size: int) -> Iterator[Finding]:
    """Yield what a process of its own finds."""
    errand = encode({"ranges": ranges, **asdict(asking)})
    with (
        tempfile.TemporaryFile("w+") as words,
        _asked(words, errand) as answers,
        _bar(session, size) as bar,
    ):
        for line in answers:
            told = json.loads(line)
            if bar:
                bar.update(bar.task_ids[0], completed=told["done"])
            if told["finding"]:
                yield decode(Finding, told["finding"], "finding")


@contextmanager
def _asked(words: IO[str], errand: str) -> Iterator[IO[str]]:
    """Yield what the process prints; raise what it ended with."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", MODULE],
        env={**os.environ, "PYTHONPATH": str(_PACKAGE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        text=True,
        start_new_session=True,  # a Ctrl-C is for us to handle
    )
    with process:
        try:
            if not (process.stdin and process.stdout):
                raise Bug("a process began without its pipes")
            process.stdin.write(errand.replace("\n", " ") + "\n")
            process.stdin.close()
            yield process.stdout
            status = process.wait()
        finally:
            process.kill()
    if status:
        words.seek(0)
        said = words.read().strip().splitlines() or ["it said nothing"]
        kind = ConfigError if status == ExitStatus.USAGE else Bug
        raise kind(said[-1])


@contextmanager
def _bar(session: Session, size: int) -> Iterator[Progress | None]:
    if not session.err.is_terminal:
        yield None
        return
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=session.err, transient=True) as bar:
        bar.add_task("asking", total=size)
        yield bar


def _known(session: Session) -> tuple[NodeView, ...]:
    """Return the running lab's nodes; none if none runs, which is no fault here."""
    try:
        client = session.found()
        return client.nodes() if client else ()
    except SmoketestError as error:
        session.say(f"known nodes are not marked: {error}")
        return ()


def _marked(finding: Finding, known: tuple[NodeView, ...]) -> Finding:
    ports = {answer.port for answer in (finding.ipmi, finding.redfish) if answer}
    places = {f"{finding.address}:{port}" for port in ports}
    return replace(finding, nodes=tuple(node.name for node in known if node.bmc in places))

"""`smoketest doctor`: what is missing on this machine, or wrong in the store."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from orchestrator.cli import probes
from orchestrator.cli.probes import Probe
from orchestrator.cli.session import Session
from orchestrator.model.errors import Bug, ConfigError
from orchestrator.model.verdict import ExitStatus

STORE_SECONDS = 120.0
#: loading the database's drivers takes a second, which no other verb should wait for
STORE_CHECK = "orchestrator.cli.storecheck"
_PACKAGE = Path(__file__).resolve().parents[2]

Store = Annotated[
    bool, typer.Option("--store", help="Prove instead that the home's store is consistent.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What `--json` shows of the machine."""

    ok: bool
    #: the one line that installs what is missing, if packages do
    type: str
    #: the one that installs what `up --lab qemu` lacks besides
    type_for_emulated: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDiagnosis:
    """What `--json` shows of the store."""

    ok: bool
    violations: tuple[str, ...]


def doctor(session: Session, store: Store = False) -> int:  # noqa: FBT002  # an option
    """Say what is missing on this machine and what to type; --store looks into the store."""
    return _store(session) if store else _machine(session)


def _machine(session: Session) -> int:
    found = tuple(probes.all_probes(session.home))
    ok = all(probe.ok or not probe.needed for probe in found)
    line = probes.one_line(found)
    more = probes.emulated_line()
    say = [f"Type: {line}"] if line else []
    say += [f"For emulated machines (up --lab qemu), type: {more}"] if more else []
    say += ["Nothing that is needed is missing."] if ok else []
    diagnosis = Diagnosis(ok=ok, type=line, type_for_emulated=more, probes=found)
    session.show(diagnosis, _table(found), *say)
    return ExitStatus.PASSED if ok else ExitStatus.USAGE


def _table(found: tuple[Probe, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for probe in found:
        word, style = _word(probe)
        advice = "" if probe.ok else probe.advice
        table.add_row(Text(word, style=style), probe.subject, probe.found, advice)
    return table


def _word(probe: Probe) -> tuple[str, str]:
    if probe.ok:
        return "ok", "green"
    return ("missing", "red") if probe.needed else ("optional", "yellow")


def _store(session: Session) -> int:
    violations = _violations(session.home)
    ok = not violations
    lines = violations or (f"The store of {session.home} is consistent.",)
    session.show(StoreDiagnosis(ok=ok, violations=violations), *lines)
    return ExitStatus.PASSED if ok else ExitStatus.USAGE


def _violations(home: Path) -> tuple[str, ...]:
    """Return what a process of its own found wrong in the store."""
    command = [sys.executable, "-P", "-m", STORE_CHECK, str(home)]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(_PACKAGE)},
            capture_output=True,
            text=True,
            timeout=STORE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"the store of {home} could not be read within {STORE_SECONDS:.0f} s; is it in use?"
        raise Bug(msg) from error
    said = done.stderr.strip()
    if done.returncode == ExitStatus.USAGE:
        raise ConfigError(said)
    if done.returncode != 0:
        raise Bug(f"the store of {home} could not be looked into: {said[-400:]}")
    return tuple(json.loads(done.stdout))

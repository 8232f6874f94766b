"""A real orchestrator with its lab in a box, started, killed and asked by tests."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0


@dataclass(frozen=True)
class Typed:
    """A command under way, and the files that take what it prints."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def status(self, seconds: float = 300) -> int:
        """Return its exit status once it ended."""
        return self.process.wait(seconds)

    def json(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Return the one object that it printed, once it ended."""
        self.status()
        return json.loads(self.out.read_text())


@dataclass
class Orchestrator:
    """One home folder and the `smoketest up` process on it."""

    home: Path
    nodes: int = 4
    speed: str = "max"
    #: a lab file, instead of the lab in a box
    lab: Path | None = None
    #: how long a start may take, in seconds
    patience: float = START_SECONDS
    #: what it is started by, in front of its own command
    within: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> float:
        """Start it and return the seconds until it answers."""
        command = [*self.within, sys.executable, "-m", "orchestrator", "up"]
        command += ["--home", str(self.home)]
        box = ["--nodes", str(self.nodes), "--speed", self.speed]
        command += ["--lab", str(self.lab)] if self.lab else box
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "server.json").unlink(missing_ok=True)
        began = time.monotonic()
        with (self.home / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait_for(self._answers, self.patience, "the orchestrator to answer")
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL the orchestrator's own process; its lab goes on, as hardware does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_lab(self) -> int:
        """SIGKILL every process of the lab in a box, and return how many there were."""
        killed = 0
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if "orchestrator.lab.supervisor" in words and str(self.home) in words:
                process.kill()
                killed += 1
        return killed

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if not self.process:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process = None

    def cli(self, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Return what one command printed and its exit status."""
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *words, "--home", str(self.home)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
        )

    def begin(self, *words: str) -> "Typed":
        """Return a command under way in a process of its own."""
        said = [self.home.parent / f"said-{time.monotonic_ns()}.{name}" for name in ("out", "err")]
        with said[0].open("w") as out, said[1].open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", *words, "--home", str(self.home)],
                cwd=ROOT,
                stdout=out,
                stderr=err,
                env={**os.environ, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
            )
        return Typed(process=process, out=said[0], err=said[1])

    def json(self, *words: str, seconds: float = 300) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Return the one object that a command printed with `--json`."""
        done = self.cli(*words, "--json", seconds=seconds)
        assert done.stdout, f"{words}: nothing on stdout; stderr: {done.stderr}"
        return json.loads(done.stdout)

    def ask(self, ref: str, *archs: str) -> int:
        """Ask for a run and return its number."""
        on = ["--on", ",".join(archs)] if archs else ["--all"]
        return int(self.json("run", f"sample@{ref}", *on)["run"])

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return rows of the store, read beside the orchestrator."""
        with closing(sqlite3.connect(self.home / "store.sqlite", timeout=30)) as connection:
            return connection.execute(query, values).fetchall()

    def done(self, run: int) -> bool:
        """Return whether every attempt of the run was judged and gave its machines back."""
        states = self.rows("SELECT state FROM attempts WHERE run = ?", run)
        return bool(states) and all(state == "done" for (state,) in states) and not self.leased()

    def leased(self) -> list[tuple[Any, ...]]:
        """Return the leases that stand."""
        return self.rows("SELECT node, attempt FROM leases")

    def powered(self) -> list[str]:
        """Return the machines that are on."""
        found = (self.home / "lab" / "nodes").glob("*/power.json")
        return sorted(path.parent.name for path in found if json.loads(path.read_text())["on"])

    def witnessed(self) -> Counter[str]:
        """Return how often each command reached a BMC or each thing happened to a machine."""
        counts: Counter[str] = Counter()
        for path in (self.home / "lab" / "nodes").glob("*/commands.jsonl"):
            for line in path.read_text().splitlines():
                record = json.loads(line)
                counts[str(record.get("command") or record.get("event"))] += 1
        return counts

    def wait_for(self, what: Callable[[], object], seconds: float, name: str) -> None:
        """Return once `what()` is true; fail with the server's last words otherwise."""
        begun = time.monotonic()
        while not what():
            ended = self.process and self.process.poll() is not None
            waited = time.monotonic() - begun
            if ended or waited > seconds:
                said = (self.home / "up.log").read_text()[-2000:]
                msg = f"waited {seconds:g} s in vain for {name}; it said: {said}"
                raise AssertionError(msg)
            time.sleep(min(0.01 + waited / 100, 0.5))

    def _answers(self) -> bool:
        return (self.home / "server.json").exists()


def hold(orchestrator: Orchestrator, cell: str) -> None:
    """Keep the machine of a cell that was just asked for, while it surely has it."""
    orchestrator.wait_for(lambda: machine(orchestrator, cell), 120, "a machine")
    assert orchestrator.cli("hold", cell, "--hours", "1").returncode == 0


def machine(orchestrator: Orchestrator, cell: str) -> str:
    """Return the machine that the cell's first attempt has, or an empty text."""
    rows = orchestrator.rows("SELECT node FROM leases WHERE attempt = ?", f"{cell}/1")
    return str(rows[0][0]) if rows else ""

"""Workers under kills: what they did to the machines is read from the traces they left."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from sqlalchemy import make_url

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.holder import writer
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.event import Kind
from orchestrator.model.ids import AttemptId
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from tests import hands
from tests.contract.storing import arch, ask, enrol, plan

PATIENCE = 900.0
#: cells of one run; every third takes two machines
CELLS = 20


@dataclass
class Storm:
    """A store, the workers on it, and the kills so far."""

    url: str
    folder: Path
    #: seconds that each stage takes
    pace: float
    store: Store = field(init=False)
    workers: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    #: when which attempts lost their worker
    losses: list[tuple[datetime, tuple[AttemptId, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = open_store(self.url)

    def start(self, *names: str) -> None:
        """Start workers, and return once all of them work."""
        for name in names:
            self.workers[name] = hands.begin(self.url, name, self.folder / "trace", self.pace)
        for name in names:
            hands.readied(self.workers[name])

    def ask(self, runs: int, cells: int = CELLS) -> None:
        """Ask for that many runs."""
        archs = [arch(f"k{n}", 2 if n % 3 == 0 else 1) for n in range(cells)]
        for _ in range(runs):
            ask(self.store, plan(*archs))

    def kill(self, name: str) -> None:
        """Kill a worker, remembering what it had under way."""
        self.losses.append((datetime.now(UTC), self.walked_by(name)))
        self.workers[name].kill()
        self.workers[name].wait()

    def stop(self, name: str) -> None:
        """Stop a worker between two of its writes: within one it would keep SQLite's only lock."""
        process, place = self.workers[name], make_url(self.url)
        self.losses.append((datetime.now(UTC), self.walked_by(name)))
        end = time.monotonic() + PATIENCE
        process.send_signal(signal.SIGSTOP)
        while not stopped(process.pid) or writer(place) == process.pid:
            assert time.monotonic() < end, f"{name} was never between two writes"
            if stopped(process.pid):
                process.send_signal(signal.SIGCONT)
                time.sleep(0.01)
                process.send_signal(signal.SIGSTOP)

    def walked_by(self, *names: str) -> tuple[AttemptId, ...]:
        """Return the attempts that have machines, and that one of these walks."""
        with self.store.database.read() as tx:
            rows = tx.all("attempts_holding")
        return tuple(AttemptId(row.attempt) for row in rows if row.walker in names)

    def at_work(self, name: str) -> bool:
        """Return whether a worker is in the middle of a stage with some machine."""
        traces = [path.read_text() for path in (self.folder / "trace").iterdir()]
        return any(f" {a} " in text for a in self.walked_by(name) for text in traces)

    def wait(self, what: Callable[[], object], name: str) -> None:
        """Return once `what()` is true; fail with what the workers said otherwise."""
        end = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < end, f"waited in vain for {name}: {self.said()}"
            time.sleep(0.1)

    def said(self) -> str:
        """Return the workers' last words."""
        return "\n".join(path.read_text()[-1000:] for path in self.folder.glob("*.log"))

    def done(self) -> bool:
        """Return whether every cell is decided and nobody has a machine."""
        runs = self.store.runs.recent("", 1000)
        return all(run.state is State.DONE for run, _ in runs) and not self.store.queue.granted()

    def end(self) -> None:
        """End every worker."""
        for process in self.workers.values():
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.store.database.close()

    def prove(self) -> None:
        """Fail unless each cell passed at its first attempt, and no machine was used by two."""
        cells = [cell for _, found in self.store.runs.recent("", 1000) for cell in found]
        self.sound()
        decided = {(c.ruling and c.ruling.verdict, len(c.attempts)) for c in cells}
        assert decided == {(Verdict.PASSED, 1)}, self.said()
        assert check(self.store.database, at_rest=True) == ()
        assert [line for path in self._traces() for line in overlaps(path)] == []

    def sound(self) -> None:
        """Fail unless the store is consistent now, whatever is under way."""
        assert check(self.store.database) == ()

    def resumed(self) -> list[float]:
        """Return the seconds after which each attempt that lost its worker went on."""
        found = []
        for lost, attempts in self.losses:
            for attempt in attempts:
                later = [
                    e.at
                    for e in self.store.events.of(attempt)
                    if e.at and e.at > lost and e.kind is Kind.RESUMED
                ]
                found += [(min(later) - lost).total_seconds()] if later else []
        return found

    def _traces(self) -> Sequence[Path]:
        found = sorted((self.folder / "trace").iterdir())
        assert found
        return found


def overlaps(path: Path) -> list[str]:
    """Return where a machine was touched under an older token or walk, or after its release."""
    found = []
    for before, after in pairwise(path.read_text().splitlines()):
        token, way, attempt, walk = before.split()
        token2, way2, attempt2, walk2 = after.split()
        same = token == token2
        wrong = (
            int(token2) < int(token)
            or (same and (attempt != attempt2 or int(walk2) < int(walk)))
            or (same and way == "out" and (way2 == "in" or walk == walk2))
            or (not same and way == "in")
        )
        found += [f"{path.name}: {before}, then {after}"] if wrong else []
    return found


def stopped(pid: int) -> bool:
    """Return whether every thread of the process stands still."""
    states = {path.read_text().rpartition(")")[2].split()[0] for path in _threads(pid)}
    return states == {"T"}


def _threads(pid: int) -> Sequence[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


def schedule(seed: int) -> random.Random:
    """Return dice for when and whom to kill, the same each time."""
    return random.Random(seed)  # noqa: S311


def made(url: str, folder: Path, *, nodes: int, pace: float) -> Storm:
    """Return a storm over a new store with some nodes."""
    storm = Storm(url=url, folder=folder, pace=pace)
    enrol(storm.store, nodes)
    return storm

"""Who is taken for dead: who is silent, and is not seen to run."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from orchestrator.drivers.engine.host import lives
from orchestrator.drivers.engine.watch import SPARED, Watch
from orchestrator.model.worker import Worker

NOW = datetime.now(UTC)


def worker(name: str, silent: float = 0.0, pid: int = 0) -> Worker:
    return Worker(
        name=name,
        host=socket.gethostname(),
        pid=pid,
        version="1",
        since=datetime.now(UTC),
        heard=NOW - timedelta(seconds=silent),
    )


@dataclass
class Known:
    """Workers that are known, without a store."""

    workers: Sequence[Worker]

    def beat(self, _: Worker) -> bool:
        return True

    def all(self) -> Sequence[Worker]:
        return self.workers

    def bury(self, silent: timedelta, spared: Sequence[str]) -> tuple[str, ...]:
        found = (w for w in self.workers if w.heard and NOW - w.heard > silent)
        return tuple(w.name for w in found if w.name not in spared)

    def lapsed(self, _: timedelta) -> tuple[()]:
        return ()


@dataclass
class Heirs:
    """Remembers whose work was taken over."""

    taken: list[str] = field(default_factory=list)

    def take_over(self, dead: Sequence[str]) -> None:
        self.taken += dead

    def revive(self, _: Sequence[str]) -> None:
        pass

    def redo(self, _: Sequence[str]) -> None:
        pass


def taken(workers: Sequence[Worker], runs: Callable[[Worker], bool]) -> list[str]:
    heirs = Heirs()
    ours = Watch(workers[0], Known(workers), heirs, (), runs)
    # only who was itself heard for a while judges others
    ours._since -= 1000
    ours.look()
    return heirs.taken


def test_who_is_silent_and_runs_here_is_waited_for_but_not_for_ever() -> None:
    long = SPARED.total_seconds() + 1
    workers = [worker("we"), worker("starved", 20), worker("hung", long), worker("dead", 20)]
    assert taken(workers, lambda seen: seen.name != "dead") == ["hung", "dead"]
    assert taken(workers, lambda _: False) == ["starved", "hung", "dead"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as sleeping:
        yield sleeping
        sleeping.kill()


def test_a_process_is_seen_to_run_until_it_is_stopped_or_gone(
    process: subprocess.Popen[bytes],
) -> None:
    ours = worker("w", pid=process.pid)
    assert lives(ours)
    assert not lives(replace(ours, host="elsewhere"))
    # the number was another process's when the worker began
    assert not lives(replace(ours, since=NOW - timedelta(hours=1)))
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    assert not lives(ours)
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert not lives(ours)
    process.wait()
    assert not lives(ours)

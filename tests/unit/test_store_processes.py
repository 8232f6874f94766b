"""Several processes on one store, and processes that are killed."""

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from orchestrator.drivers.store import engines
from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.engines import PATIENCE
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import StoreAway
from orchestrator.model.ids import AttemptId
from orchestrator.model.run import State
from tests.contract.storing import NOW, arch, ask, enrol, first_fit, plan, start
from tests.unit import store_process

NODES = 20

# each process is forked from one that has the store imported, and nothing opened
_SERVER = get_context("forkserver")
_SERVER.set_forkserver_preload([store_process.__name__])


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.sqlite"


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    folder = tmp_path / "witness"
    folder.mkdir()
    return folder


def begin(do: Callable[..., None], *words: object) -> ForkServerProcess:
    process = _SERVER.Process(target=do, args=tuple(map(str, words)))
    process.start()
    return process


def end(*processes: ForkServerProcess) -> None:
    try:
        for process in processes:
            process.join(240)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()


def overlaps(witness: Path) -> list[str]:
    """Return where, on some machine, an attempt came in before another one was out."""
    found = []
    for path in witness.iterdir():
        lines = path.read_text().splitlines()
        for before, after in pairwise(lines):
            token, way, attempt = before.split()
            same = after.split()[2] == attempt
            if int(after.split()[0]) < int(token) or (way == "in" and not same):
                found.append(f"{path.name}: {before}, then {after}")
    return found


def all_done(store: Store) -> bool:
    runs = store.runs.recent("", 10_000)
    return all(run.state is State.DONE and len(cells) == 4 for run, cells in runs)


def test_processes_that_open_a_new_store_at_once_make_it_once(url: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    processes = [begin(store_process.opens, url, go) for _ in range(4)]
    while len(list(tmp_path.glob("go-*"))) < len(processes):
        time.sleep(0.01)
    go.touch()
    end(*processes)
    store = open_store(url)
    assert [run.id for run in store.runs.runs()] == [4, 3, 2, 1]


def test_eight_processes_never_lease_a_machine_twice(url: str, witness: Path) -> None:
    store = open_store(url)
    enrol(store, NODES)
    runs = 15
    end(*(begin(store_process.churns, url, witness, f"w{n}", runs) for n in range(8)))
    assert overlaps(witness) == []
    assert check(store.database, at_rest=True) == ()
    assert len(store.runs.runs(limit=10_000)) == 8 * runs
    assert all_done(store)
    lines = sum(len(path.read_text().splitlines()) for path in witness.iterdir())
    assert lines > 2 * 2000


def test_killed_processes_lose_and_double_nothing(url: str, witness: Path) -> None:
    store = open_store(url)
    enrol(store, NODES)
    chance = random.Random(4)  # noqa: S311
    runs = 60
    for _ in range(8):
        pair = [begin(store_process.churns, url, witness, f"w{n}", runs) for n in range(2)]
        time.sleep(0.2 + chance.random() / 2)
        for process in pair:
            process.kill()
            process.join()
        assert check(store.database) == ()
    end(*(begin(store_process.churns, url, witness, f"w{n}", runs) for n in range(2)))
    assert check(store.database, at_rest=True) == ()
    assert len(store.runs.runs(limit=10_000)) == 2 * runs
    assert all_done(store)
    assert overlaps(witness) == []


def test_a_kill_in_mid_transaction_leaves_nothing_half_done(url: str) -> None:
    store = open_store(url)
    enrol(store, 3)
    ask(store, plan(arch("kvm", 3)))
    attempt = AttemptId("1/kvm/1")
    before = (store.events.since(0), store.nodes.all())
    killed = begin(store_process.dies, url, attempt, "n0,n1,n2")
    killed.join(240)
    assert killed.exitcode == -9
    assert (store.events.since(0), store.nodes.all()) == before
    began = time.monotonic()
    store.queue.grant(first_fit, datetime.now(UTC))
    assert time.monotonic() - began < PATIENCE / 2
    assert [lease.token for lease in store.queue.leases(attempt)] == [1, 1, 1]
    assert check(store.database) == ()


def test_a_store_that_is_being_written_is_away_and_tells_by_whom(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = open_store(url)
    monkeypatch.setattr(engines, "PATIENCE", 0.1)
    store = open_store(url)
    with slow.database.write(), pytest.raises(StoreAway, match=f"busy: process {os.getpid()}"):
        enrol(store, 1)
    enrol(store, 1)


def test_an_idle_tick_takes_no_write_lock(url: str) -> None:
    store, other = open_store(url), open_store(url)
    enrol(store, 1)
    start(store)
    with other.database.write() as tx:
        tx.run("nodes_unlist")
        began = time.monotonic()
        store.queue.grant(first_fit, NOW)
        store.queue.guard(AttemptId("1/kvm/1"))
        assert time.monotonic() - began < PATIENCE / 2

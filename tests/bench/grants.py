"""Leasing gangs: many clients, one store, each answer checked against what the store then says.

Rival: paddles' lock and unlock, measured on two idle cores and not run here: 55 a second with 16
clients, 9.5 errors a second; of four-node requests by two clients 18 of 214 were answered wrongly.
`python -m tests.bench.grants URL CLIENTS COUNT FIRST` is one process of clients.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, attempt_id
from tests.contract.storing import PASSED, arch, ask, enrol, first_fit, plan
from tests.orchestrating import ROOT
from tests.postgres import Postgres, binaries

RIVAL = 55.0
CLIENTS, PROCESSES, NODES, GANG = 64, 4, 100, 4
#: grants of a usual bench; `python -m tests.bench.grants` says how to make more
ON_POSTGRES, ON_SQLITE = 4000, 1000


def bench() -> None:
    """Print grants per second and wrong ones, on both kinds of store."""
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/store.sqlite", ON_SQLITE)
    if not binaries():
        print("no PostgreSQL server is installed: not measured on it")
        return
    server = Postgres().start()
    with server.database() as url:
        measure("PostgreSQL", url, ON_POSTGRES)
    server.remove()


def measure(kind: str, url: str, count: int) -> None:
    """Let the clients lease and release until `count` gangs were granted."""
    store = open_store(url)
    enrol(store, NODES)
    for client in range(CLIENTS):
        ask(store, plan(arch("kvm", client % GANG + 1)), requester=f"c{client}")
        store.queue.cancel(AttemptId(f"{client + 1}/kvm/1"), datetime.now(UTC))
    each = CLIENTS // PROCESSES
    words = [url, str(each), str(count // CLIENTS)]
    command = [sys.executable, "-m", "tests.bench.grants", *words]
    began = time.monotonic()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True
                )
            )
            for first in range(0, CLIENTS, each)
        ]
        said = [process.communicate()[0].split() for process in processes]
    wall = time.monotonic() - began
    granted, wrong = (sum(int(words[i]) for words in said) for i in (0, 1))
    found = check(store.database, at_rest=True)
    store.database.close()
    rate = granted / wall
    print(
        f"{kind}: {CLIENTS} clients, {granted} gangs of 1 to {GANG} of {NODES} nodes in"
        f" {wall:.0f} s: {rate:.0f} leases and releases/s, {wrong} wrong, {len(found)} invariants"
        " broken;"
        f" paddles {RIVAL:.0f}/s: ratio {rate / RIVAL:.1f}"
    )


def clients(url: str, count: str, each: str, first: str) -> None:
    """Be some of the clients; print how many gangs were granted, and how many of them wrongly."""
    store, over = open_store(url), threading.Event()
    wrong: list[str] = []
    threads = [
        threading.Thread(target=_client, args=(store, int(first) + n + 1, int(each), wrong))
        for n in range(int(count))
    ]
    granter = threading.Thread(target=_grant, args=(store, over))
    for thread in (*threads, granter):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    granter.join()
    print(int(each) * int(count), len(wrong))


def _client(store: Store, run: int, count: int, wrong: list[str]) -> None:
    cell = CellId(f"{run}/kvm")
    for number in range(2, count + 2):
        attempt = attempt_id(cell, number)
        store.queue.recheck(cell, datetime.now(UTC))
        while not (leases := store.queue.leases(attempt)):
            time.sleep(0.002)
        wrong += _complaints(store, attempt, [lease.node for lease in leases], (run - 1) % GANG + 1)
        judged = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=PASSED)
        store.events.append(attempt, [judged], datetime.now(UTC))
        store.queue.release(attempt)


def _complaints(store: Store, attempt: AttemptId, nodes: Sequence[str], wanted: int) -> list[str]:
    """Return what the store, read now, says against the answer."""
    with store.database.read() as tx:
        has = [row.node for row in tx.all("leases_of_attempt", attempt=attempt)]
        bad = [*tx.all("check_leased_twice"), *tx.all("check_stale_lease")]
    whole = len(set(nodes)) == wanted and has == list(nodes)
    return [] if whole and not bad else [f"{attempt}: {nodes}, {has}, {bad}"]


def _grant(store: Store, over: threading.Event) -> None:
    while not over.wait(0.002):
        if store.queue.due(woken=True):
            store.queue.grant(first_fit, datetime.now(UTC))


if __name__ == "__main__":
    clients(*sys.argv[1:])

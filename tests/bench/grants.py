"""Leasing gangs: many clients, one store, each answer checked against what the store then says.

Rival: paddles' lock and unlock, measured on two idle cores and not run here: 55 a second with 16
clients, 9.5 errors a second; of four-node requests by two clients 18 of 214 were answered wrongly.

`python -m tests.bench.grants --attempts 1000000` is the whole proof: a quarter of an hour for one
program and as long for two, on two idle cores; a usual bench makes fewer. `--minutes` ends it
earlier, with as many as there were.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine, Row, bindparam, create_engine, make_url, text

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, cell_of, run_of
from tests.contract.storing import PASSED, arch, ask, enrol, first_fit, plan
from tests.orchestrating import ROOT
from tests.postgres import Postgres, binaries

RIVAL, NEEDED = 55.0, 20
CLIENTS, NODES, GANG = 64, 100, 4
#: programs that the clients are spread over, one measure after the other
ON_POSTGRES = (1, 2)
#: attempts of a usual bench, and SQLite's part of them: it waits for the disk each time
ATTEMPTS, PART = 6400, 4
#: the store's own word on some answers, asked past our code
SEEN = text("""
select l.attempt, l.node, l.token = n.token as newest,
    (select count(*) from grants o where o.node = l.node and o.freed = 0) as holders
from grants l join nodes n on n.name = l.node
where l.attempt in :attempts and l.freed = 0
order by l.attempt, l.position
""").bindparams(bindparam("attempts", expanding=True))
#: seconds between looks for what another process's pass gave to our clients
GLANCE = 0.1
#: seconds between words of how far it is, to a terminal and to a file
TOLD, WRITTEN = 1.0, 30.0
KINDS = ("sqlite", "postgresql")


def bench(
    attempts: int = ATTEMPTS,
    minutes: float = 0.0,
    kinds: Sequence[str] = KINDS,
    programs: Sequence[int] = ON_POSTGRES,
    nodes: int = NODES,
) -> None:
    """Print leases and releases per second and wrong answers, on these kinds of store.

    On PostgreSQL once with the clients in each of so many `programs`. With 160 `nodes` each client
    has its gang at once; with fewer, some wait.
    """
    if "sqlite" in kinds:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/store.sqlite"
            said = measure(url, attempts // PART, 1, psutil.Process(), minutes, nodes)
            print(f"SQLite: {said}", flush=True)
    if "postgresql" not in kinds:
        return
    if not binaries():
        print("no PostgreSQL server is installed: not measured on it")
        return
    server = Postgres().start()
    for count in programs:
        with server.database() as url:
            said = measure(url, attempts, count, server.running, minutes, nodes)
        print(f"PostgreSQL: {said}", flush=True)
    server.remove()


def measure(
    url: str,
    count: int,
    processes: int,
    server: psutil.Process,
    minutes: float = 0.0,
    nodes: int = NODES,
) -> str:
    """Let the clients lease and release until `count` gangs were granted; return what was seen.

    After so many `minutes`, if any, nobody asks for more.
    """
    store = open_store(url)
    enrol(store, nodes)
    for client in range(CLIENTS):
        ask(store, plan(arch("kvm", client % GANG + 1)), requester=f"c{client}")
        store.queue.cancel(AttemptId(f"{client + 1}/kvm/1"), datetime.now(UTC))
    each = CLIENTS // processes
    words = ["--clients", url, str(each), str(count // CLIENTS), str(minutes)]
    began, before = time.monotonic(), spent(server)
    with ExitStack() as stack:
        started = [_begun(stack, [*words, str(first)]) for first in range(0, CLIENTS, each)]
        said = _followed(started, count)
    used = spent(server) - before
    whole = time.monotonic() - began
    granted, wrong, processor, wall = (
        sum(words[0] for words in said),
        sum(words[1] for words in said),
        sum(words[2] for words in said),
        max(words[3] for words in said),
    )
    found = check(store.database, at_rest=True)
    store.database.close()
    rate = granted / wall
    return (
        f"{CLIENTS} clients in {processes} program{'s' * (processes > 1)}, {granted:.0f} gangs of"
        f" 1 to {GANG} of {nodes} nodes in {wall:.0f} s ({whole:.0f} s with starts): {rate:.0f}"
        f" leases and releases/s, {1000 * (processor + used) / granted:.2f} ms of processor each"
        f" ({1000 * used / granted:.2f} of them the server's), {wrong:.0f} answers"
        f" wrong, {len(found)} invariants broken; paddles {RIVAL:.0f}/s: ratio"
        f" {rate / RIVAL:.1f} (needed: {NEEDED})"
    )


def _begun(stack: ExitStack, words: Sequence[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.bench.grants", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return stack.enter_context(process)


def _followed(processes: Sequence["subprocess.Popen[str]"], count: int) -> list[list[float]]:
    """Show how far the clients are; return the last words of each process."""
    last: list[list[float]] = [[0.0, 0.0] for _ in processes]

    def listen(number: int) -> None:
        for line in processes[number].stdout or ():
            last[number] = list(map(float, line.split()))

    ears = [threading.Thread(target=listen, args=(n,)) for n in range(len(processes))]
    for ear in ears:
        ear.start()
    began = written = time.monotonic()
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[wrong]} wrong"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=count, wrong=0)
        while any(ear.is_alive() for ear in ears):
            time.sleep(TOLD)
            done, wrong = (int(sum(words[i] for words in last)) for i in (0, 1))
            progress.update(bar, completed=done, wrong=wrong)
            if not console.is_terminal and time.monotonic() - written > WRITTEN:
                written = time.monotonic()
                rate = done / (written - began)
                print(
                    f"{done} of {count}, {rate:.0f}/s, {wrong} wrong", file=sys.stderr, flush=True
                )
    return last


def spent(process: psutil.Process) -> float:
    """Return the seconds of processor of a process, of its children, and of those that ended."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass
class Clients:
    """Some clients in one process, and the clerk who gives them machines, many at a time."""

    store: Store
    #: the way past our code
    beside: Engine
    wrong: list[str] = field(default_factory=list)
    waiting: dict[AttemptId, threading.Event] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    due: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    #: how many gangs were leased and given back, and when nobody asks for more
    done: int = 0
    end: float = float("inf")

    def lease(self, run: int, count: int) -> None:
        """Be one client: lease a gang and give it back, so many times or until the end."""
        cell = CellId(f"{run}/kvm")
        judged = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=PASSED)
        released = Event(kind=Kind.FINISHED, stage=Stage.RELEASE)
        for _ in range(count):
            if time.monotonic() > self.end:
                return
            attempt = self.store.queue.recheck(cell, datetime.now(UTC))
            self._await(attempt)
            self.store.events.append(attempt, [judged, released], datetime.now(UTC))
            self.due.set()
            with self.lock:
                self.done += 1

    def grant(self) -> None:
        """Give machines whenever something changed here, and look what others' passes gave."""
        owed, looked = False, 0.0
        while not self.over.is_set():
            owed = self.due.wait(GLANCE) or owed
            self.due.clear()
            if owed and self.store.queue.due(woken=True):
                grants = self.store.queue.grant(first_fit, datetime.now(UTC)).grants
                self._answer({g.attempt: [p.node for p in g.placements] for g in grants})
                owed = False
            if time.monotonic() - looked > GLANCE:
                looked = time.monotonic()
                given = self._ours(self.store.queue.granted())
                leases = {attempt: self.store.queue.leases(attempt) for attempt in given}
                self._answer({a: [lease.node for lease in found] for a, found in leases.items()})

    def _await(self, attempt: AttemptId) -> None:
        given = threading.Event()
        with self.lock:
            self.waiting[attempt] = given
        self.due.set()
        given.wait()

    def _ours(self, attempts: Iterable[AttemptId]) -> set[AttemptId]:
        with self.lock:
            return set(attempts) & self.waiting.keys()

    def _answer(self, given: Mapping[AttemptId, Sequence[str]]) -> None:
        """Tell our clients what they were given, once the store was asked whether that is so."""
        ours = self._ours(given)
        if not ours:
            return
        with self.beside.connect() as connection:
            rows = connection.execute(SEEN, {"attempts": sorted(ours)}).all()
        seen = {attempt: list(found) for attempt, found in groupby(rows, key=lambda r: r.attempt)}
        for attempt in ours:
            self.wrong += _complaints(attempt, given[attempt], seen.get(attempt, []))
        with self.lock:
            lucky = [self.waiting.pop(attempt) for attempt in ours]
        for event in lucky:
            event.set()


def _complaints(attempt: AttemptId, nodes: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return what the store's rows, read after the grant, say against an answer."""
    wanted = (int(run_of(cell_of(attempt))) - 1) % GANG + 1
    whole = len(set(nodes)) == wanted and list(nodes) == [row.node for row in rows]
    alone = all(row.newest and row.holders == 1 for row in rows)
    return [] if whole and alone else [f"{attempt}: {nodes}, {rows}"]


def clients(url: str, count: str, each: str, minutes: str, first: str) -> None:
    """Be some clients; print their grants, the wrong ones, and the seconds of processor and all.

    A line says so from time to time; the last one counts.
    """
    # as the server and the workers do
    gc.set_threshold(50_000)
    place = make_url(url)
    if place.get_backend_name() == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    beside = create_engine(place, isolation_level="AUTOCOMMIT", pool_size=int(count))
    ours = Clients(open_store(url), beside)
    ours.store.queue.granted()
    threads = [
        threading.Thread(target=ours.lease, args=(int(first) + n + 1, int(each)))
        for n in range(int(count))
    ]
    granter = threading.Thread(target=ours.grant)
    began, used = time.monotonic(), time.process_time()
    for thread in (*threads, granter):
        thread.start()
    if float(minutes):
        ours.end = began + 60 * float(minutes)
    for thread in threads:
        while thread.is_alive():
            thread.join(TOLD)
            print(ours.done, len(ours.wrong), 0, time.monotonic() - began, flush=True)
    wall, used = time.monotonic() - began, time.process_time() - used
    ours.over.set()
    granter.join()
    sys.stderr.write("".join(f"{complaint}\n" for complaint in ours.wrong[:10]))
    print(ours.done, len(ours.wrong), used, wall, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--clients":
        clients(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    parser.add_argument("--minutes", type=float, default=0.0, help="of each kind of store")
    parser.add_argument("--on", choices=KINDS, action="append", help="both kinds, if not said")
    parser.add_argument("--programs", type=int, action="append", help="on PostgreSQL: 1 and 2")
    parser.add_argument("--nodes", type=int, default=NODES)
    asked = parser.parse_args()
    chosen = asked.on or KINDS, asked.programs or ON_POSTGRES
    bench(asked.attempts, asked.minutes, *chosen, asked.nodes)

"""A rack's worth of BMCs: the status of 256 beside FreeIPMI's, and 1,000 power-cycled gently."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import psutil

from orchestrator.drivers.children.warm import WarmChild, WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.sweep import statuses
from orchestrator.model.node import Node
from orchestrator.ports.children import Argument, Result
from orchestrator.ports.clock import Deadline
from tests.bench.bmcs import Hall, hall

ASKED = 256
ROUNDS = 5
CYCLED = 1000
#: seconds that a BMC rests between two conversations: the driver's default
GAP = 5.0
#: machines cycled at a time, and conversations at a time
SIDE_BY_SIDE, TALKING = 250, 24
#: what a log's milliseconds and the two clocks may differ by
ROUNDING = 0.002


def sweep() -> None:
    """Print the seconds of the best round for us and for `ipmipower`, and the ratio."""
    with tempfile.TemporaryDirectory() as folder, hall(Path(folder), ASKED) as bmcs:
        children = WarmChildren()
        rival = _ipmipower(bmcs, Path(folder)) if shutil.which("ipmipower") else None
        ours, theirs = [], []
        for _ in range(ROUNDS):  # one after the other, so that both meet the same weather
            ours += _seconds(lambda: _ask(children, bmcs))
            theirs += _seconds(rival) if rival else []
        children.close()
    print(f"power status of {ASKED} BMCs at once: {min(ours):.3f} s, in one child process")
    if not rival:
        print("ipmipower is not installed here: no rival (apt-get install freeipmi-tools)")
        return
    if not theirs:
        print("ipmipower did not read all of them in any round: the host is too busy")
        return
    print(f"ipmipower --stat, the same BMCs: {min(theirs):.3f} s")
    print(f"ratio of the best of {ROUNDS} rounds: {min(ours) / min(theirs):.2f}")


def cycle() -> None:
    """Print time, processes and memory of cycling them, and what their own logs say of the gap."""
    with tempfile.TemporaryDirectory() as folder, hall(Path(folder), CYCLED) as bmcs:
        few = _Few(TALKING)
        power = IpmiPower(few, gap=GAP)
        began = time.monotonic()
        with _watched() as peak, ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
            list(threads.map(lambda node: _cycle(power, node), bmcs.nodes))
        took = time.monotonic() - began
        few.close()
        print(f"{CYCLED} BMCs told on, off and on: {took:.0f} s, {CYCLED / took * 60:.0f} a minute")
        print(f"most at once: {peak.processes} processes, {peak.mebibytes:.0f} MiB of memory (PSS)")
        _prove(bmcs)


def _ask(children: WarmChildren, bmcs: Hall) -> bool:
    found = statuses(children, bmcs.nodes, Deadline(SystemClock(), 60))
    wrong = [str(answer) for answer in found.values() if answer is not False]
    assert not wrong, f"{len(wrong)} BMCs were not read: {wrong[0]}"
    return True


def _ipmipower(bmcs: Hall, folder: Path) -> Callable[[], bool]:
    login = bmcs.nodes[0].bmc
    config = folder / "ipmipower.conf"
    config.touch(mode=0o600)
    config.write_text(f"username {login.user}\npassword {login.password.reveal()}\n")
    hosts = ",".join(f"{node.bmc.address}:{node.bmc.port}" for node in bmcs.nodes)

    def ask() -> bool:
        done = subprocess.run(
            ["ipmipower", "-D", "LAN_2_0", "--config-file", str(config), "-h", hosts, "--stat"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return sum(line.endswith(": off") for line in done.stdout.splitlines()) == ASKED

    return ask


def _seconds(action: Callable[[], bool]) -> list[float]:
    """Return how long it took; nothing if it did not do it all."""
    began = time.perf_counter()
    done = action()
    return [time.perf_counter() - began] if done else []


def _cycle(power: IpmiPower, node: Node) -> None:
    for on in (True, False, True):
        power.set(node, Deadline(SystemClock(), 600), on=on)


class _Few:
    """Children, only so many at a time: the host's processors are what is scarce."""

    def __init__(self, most: int) -> None:
        self._children = WarmChildren()
        self._places = threading.BoundedSemaphore(most)

    @contextmanager
    def start(
        self, function: Callable[[Argument], Result], argument: Argument
    ) -> Iterator[WarmChild[Argument, Result]]:
        with self._places, self._children.start(function, argument) as child:
            yield child

    def close(self) -> None:
        self._children.close()


class _Peak:
    processes = 0
    mebibytes = 0.0


@contextmanager
def _watched() -> Iterator[_Peak]:
    """Yield the most processes of ours, this one among them, and the most memory they share."""
    peak, over = _Peak(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, over))
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _watch(peak: _Peak, over: threading.Event) -> None:
    us = psutil.Process()
    while not over.wait(0.5):
        shares = [
            _share(process)
            for process in (us, *us.children(recursive=True))
            if "tests.bench.bmcs" not in _words(process)
        ]
        peak.processes = max(peak.processes, len(shares))
        peak.mebibytes = max(peak.mebibytes, sum(shares) / 2**20)


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _share(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.Error:
        return 0.0


def _prove(bmcs: Hall) -> None:
    """Print the shortest rests in the BMCs' own logs; fail if one had less than the gap."""
    commands, conversations = [], []
    for number in range(1, len(bmcs.nodes) + 1):
        log = bmcs.log(number)
        commands.append([_at(line) for line in log if "command" in line])
        requests = [(line["session"], _at(line)) for line in log if "session" in line]
        conversations += [b - a for (old, a), (new, b) in pairwise(requests) if old != new]
    between = [later - earlier for said in commands for earlier, later in pairwise(said)]
    print(
        f"the BMCs' own logs: {sum(map(len, commands))} commands, at least {min(between):.2f} s"
        f" between two; {len(conversations)} times a BMC rested between two conversations,"
        f" {min(conversations):.2f} s or more, where {GAP:g} s are the rule"
    )
    assert {len(said) for said in commands} == {3}, "a command was lost, or came twice"
    assert min(between + conversations) > GAP - ROUNDING, "a BMC was hurried"


def _at(line: dict[str, str]) -> float:
    return datetime.fromisoformat(line["at"]).timestamp()

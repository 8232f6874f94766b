"""The lab's power strip: one process per machine, a new one for each that dies.

`python -m orchestrator.lab.supervisor --dir LABDIR --nodes N --speed S|max [--boot-url URL]
[--emulated SHAPE] [--detach]`

Three levels, so that nothing outlives the lab whichever process is killed: the warden ends what a
killed supervisor leaves behind, the supervisor what a killed machine leaves behind.
"""

import argparse
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from orchestrator.lab import machine, openssh
from orchestrator.lab.addresses import LEFTHAND_PORT, MOST_NODES, claim
from orchestrator.lab.board import Board, SimulatedBoard
from orchestrator.lab.chassis import Chassis
from orchestrator.lab.labdir import (
    COOKIE,
    LabState,
    NodeDir,
    endpoints,
    lab_hash,
    parse_speed,
    read_state,
    write_state,
)
from orchestrator.lab.processes import (
    adopt_orphans,
    bearers,
    children,
    descendants,
    die_with_parent,
    end_all,
    started,
)
from orchestrator.lab.qemu import machine as emulated
from orchestrator.lab.qemu import redfish
from orchestrator.lab.shape import Shape, parse
from orchestrator.model.errors import ConfigError

READY = "ready"
_ARRAY = "orchestrator.lab.lefthand_shell"
#: a machine that dies at once (its address is taken) must not be restarted in a tight loop
_RESPAWN_SECONDS = 0.2
_LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What lab was asked for."""

    folder: Path
    nodes: int
    speed: float
    boot_url: str
    #: None: the machines are simulated
    shape: Shape | None = None
    #: command lines that run beside the machines, such as a package cache
    services: tuple[tuple[str, ...], ...] = ()
    #: their BMCs speak Redfish, too
    redfish: bool = False


class Supervisor:
    """Runs the machines' processes until it is told to stop."""

    def __init__(self, order: Order) -> None:
        """Find an sshd and claim a subnet; raises `ConfigError` when that cannot be."""
        self._order = order
        self._server = None if order.shape else _openssh()
        before = read_state(order.folder)
        self._claim = claim(None if before is None else before.subnet)
        self._processes: dict[int, int] = {}
        #: services read it; it ends when we do
        self._lifeline = os.pipe()
        self._array = None if order.shape else _listen(self._claim.plan.array())
        self._services = (
            *order.services,
            *(self._faces() if order.redfish else ()),
            *self._arrays(),
        )
        self._stopping = False

    def run(self, report: Callable[[str], None]) -> None:
        """Start all machines, `report` that they are ready, and keep them there until SIGTERM."""
        order = self._order
        end_all(lambda: _marked(order.folder))
        # What every machine would load for itself, 2 MB each, is loaded once.
        socket.getaddrinfo("127.0.0.1", 0)
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        listening, tell = os.pipe()
        for number in range(1, order.nodes + 1):
            self._start(number, tell)
        # First of all: a service that waits for its first caller must not seem a machine.
        os.close(tell)
        for number in range(len(self._services)):
            self._serve(number)
        if not self._all_listen(listening):
            self._stop()
            raise ConfigError(f"machines did not start; see {order.folder}/lab.log")
        write_state(
            order.folder,
            LabState(
                subnet=self._claim.plan.subnet,
                nodes=order.nodes,
                speed=order.speed,
                boot_url=order.boot_url,
                supervisor=os.getpid(),
                started=started(os.getpid()) or 0,
                emulated=order.shape.text() if order.shape else "",
            ),
        )
        report(READY)
        self._keep()

    def _start(self, number: int, tell: int | None) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_node(parent, number, tell)
        self._processes[pid] = number
        if self._stopping:
            os.kill(pid, signal.SIGKILL)

    def _faces(self) -> Iterator[tuple[str, ...]]:
        for number in range(1, self._order.nodes + 1):
            where = endpoints(self._claim.plan, number)
            yield redfish.command(self._order.folder, number, where)

    def _arrays(self) -> Iterator[tuple[str, ...]]:
        if self._array:
            words = (str(self._order.folder / "lefthand"), self._claim.plan.array())
            handle = str(self._array.fileno())
            yield (sys.executable, "-m", _ARRAY, *words, handle)

    def _serve(self, number: int) -> None:
        """Run a service; its number in the list of processes is below zero."""
        here = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with_parent(here)
            os.dup2(self._lifeline[0], 0)
            argv = self._services[number]
            if self._array and _ARRAY in argv:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                # Nobody may ever call: until then it costs no interpreter of its own.
                os.set_inheritable(self._array.fileno(), True)  # noqa: FBT003
                select.select([self._array], [], [])
            os.execv(argv[0], argv)  # noqa: S606  # our own command line
        self._processes[pid] = -1 - number

    def _become_node(self, parent: int, number: int, tell: int | None) -> NoReturn:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent(parent)
            adopt_orphans()
            chassis = self._chassis(number)
            if tell is not None:
                os.write(tell, b".")
                os.close(tell)
            chassis.serve()
        finally:
            if sys.exc_info()[0] is not None:
                sys.excepthook(*sys.exc_info())
            os._exit(1)

    def _chassis(self, number: int) -> Chassis:
        folder = NodeDir(lab=self._order.folder, number=number)
        where = endpoints(self._claim.plan, number)
        speed = self._order.speed
        if self._server is None:
            board = Board(folder=folder, endpoints=where, speed=speed)
            return Chassis(board, partial(emulated.boot, board, self._order.shape or Shape()))
        simulated = SimulatedBoard(
            folder=folder, endpoints=where, speed=speed, openssh=self._server
        )
        return Chassis(simulated, partial(machine.boot, simulated))

    def _all_listen(self, listening: int) -> bool:
        """Each machine tells once; the pipe ends when the last has told, or died."""
        told = 0
        while heard := os.read(listening, 1 << 10):
            told += len(heard)
        os.close(listening)
        return told == self._order.nodes

    def _keep(self) -> None:
        """Reap what ends; a machine whose process ended lost power: it comes back, switched off."""
        while True:
            try:
                pid, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            number = self._processes.pop(pid, None)
            if number is None or self._stopping:
                continue
            self._replace(number)

    def _replace(self, number: int) -> None:
        if number < 0:
            time.sleep(_RESPAWN_SECONDS)
            self._serve(-1 - number)
            return
        folder = NodeDir(lab=self._order.folder, number=number)
        sys.stderr.write(f"{folder.name}: its process ended, the machine lost power\n")
        end_all(lambda: self._strays(folder.cookie))
        time.sleep(_RESPAWN_SECONDS)
        self._start(number, None)

    def _strays(self, cookie: str) -> set[int]:
        """What ran on a machine whose process ended: it is ours now, but is no machine."""
        orphans = children() - self._processes.keys()
        return orphans | bearers(COOKIE, lambda value: value == cookie)

    def _stop(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._stopping = True
        here = os.getpid()
        end_all(lambda: descendants(here))


def _listen(address: str) -> socket.socket:
    return socket.create_server((address, LEFTHAND_PORT), backlog=64)


def serve(order: Order, report: Callable[[str], None]) -> None:
    """Be the warden: run a supervisor, and leave no process behind when it is gone."""
    try:
        # Held until we are done: the next lab in this folder must not meet our leftovers.
        lock = _hold(order.folder)
    except ConfigError as error:
        report(str(error))
        return
    here = os.getpid()
    adopt_orphans()
    supervisor = os.fork()
    if supervisor == 0:
        _become_supervisor(here, order, report)
    report("")
    signal.signal(signal.SIGTERM, lambda *_: os.kill(supervisor, signal.SIGTERM))
    while os.waitpid(-1, 0)[0] != supervisor:
        pass
    end_all(lambda: descendants(here) | _marked(order.folder))
    os.close(lock)


def _become_supervisor(warden: int, order: Order, report: Callable[[str], None]) -> NoReturn:
    try:
        die_with_parent(warden, signal.SIGTERM)
        adopt_orphans()
        Supervisor(order).run(report)
    except ConfigError as error:
        report(str(error))
    finally:
        if sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        os._exit(0)


def _marked(folder: Path) -> set[int]:
    prefix = lab_hash(folder) + "/"
    return bearers(COOKIE, lambda value: value.startswith(prefix))


def _hold(folder: Path) -> int:
    """Return a handle that keeps any other lab off this folder, once one that ends has ended."""
    handle = os.open(folder / "supervisor.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            state = read_state(folder)
            if time.monotonic() > deadline or (state is not None and state.alive()):
                raise ConfigError(f"another lab runs in {folder}; stop it first") from error
            time.sleep(0.05)
        else:
            return handle


def _openssh() -> openssh.Server:
    cache = openssh.default_cache()
    sshd = openssh.find(cache) or openssh.fetch(cache)
    openssh.prepare_for_root()
    return openssh.describe(sshd)


def _order(arguments: list[str]) -> tuple[Order, bool]:
    parser = argparse.ArgumentParser(prog="orchestrator.lab.supervisor")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--speed", default="1")
    parser.add_argument("--boot-url", default="")
    parser.add_argument("--emulated", default="", help="memory,processors,disk,bios|uefi")
    parser.add_argument("--service", action="append", default=[], help="a JSON list of words")
    parser.add_argument("--redfish", action="store_true", help="needs the sushy-tools package")
    parser.add_argument("--detach", action="store_true")
    known = parser.parse_args(arguments)
    if not 1 <= known.nodes <= MOST_NODES:
        raise ConfigError(f"a lab in a box has 1 to {MOST_NODES} machines, not {known.nodes}")
    folder = known.dir.resolve()
    for number in range(1, known.nodes + 1):
        node = NodeDir(lab=folder, number=number)
        node.root.mkdir(parents=True, exist_ok=True)
        node.credentials()
    order = Order(
        folder=folder,
        nodes=known.nodes,
        speed=parse_speed(known.speed),
        boot_url=known.boot_url,
        shape=parse(known.emulated) if known.emulated else None,
        services=tuple(tuple(json.loads(words)) for words in known.service),
        redfish=known.redfish,
    )
    return order, known.detach


def main(arguments: list[str]) -> int:
    """Run a lab; with --detach, return once it is ready, or print why it is not."""
    try:
        order, detach = _order(arguments)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    near, far = socket.socketpair()
    if detach and os.fork():
        far.close()
        return _said(near)
    near.close()
    if detach:
        os.setsid()
        _redirect(order.folder / "lab.log")

    def report(text: str) -> None:
        if text:
            said = " ".join(text.split()) + "\n"
            far.sendall(said.encode()) if detach else sys.stderr.write(said)
        far.close()

    serve(order, report)
    return 0


def _said(near: socket.socket) -> int:
    """Wait for the supervisor's one line; its end without a word is a failure too."""
    with near.makefile() as lines:
        said = lines.readline().strip()
    if said == READY:
        return 0
    sys.stderr.write((said or "the lab's supervisor ended; see lab.log") + "\n")
    return 2


def _redirect(log: Path) -> None:
    """Keep no terminal: the lab outlives it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

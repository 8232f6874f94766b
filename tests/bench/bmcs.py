"""A hall of BMCs for the benches: the lab's own BMC code, many in each process, no machines.

`python -m tests.bench.bmcs` reads one JSON line from stdin, {"folder", "first", "count"}, serves
these BMCs until stdin ends, and says `ready` on stdout first.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyghmi.ipmi.private import session as ipmi

from orchestrator.lab.addresses import BMC_PORT, claim
from orchestrator.lab.bmc import NodeBmc, PowerCommand
from orchestrator.lab.files import append_record
from orchestrator.lab.labdir import Credentials, Endpoints, NodeDir
from orchestrator.lab.loop import Loop
from orchestrator.lab.session import LabSession
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret

#: BMCs of one process
EACH = 128
#: the second byte of their addresses 127.S.3.N to 127.S.6.N; a lab's are 127.S.1.N
_FIRST_NET, _PER_NET = 3, 250


class Bare:
    """A machine of which there is nothing but its power state and boot flags."""

    def __init__(self, loop: Loop) -> None:
        self.later: Callable[[float, Callable[[], None]], None] = loop.later
        self._on = False
        self._flags = bytes(5)

    def powered(self) -> bool:
        return self._on

    def command(self, command: PowerCommand) -> None:
        self._on = command in {PowerCommand.ON, PowerCommand.CYCLE, PowerCommand.RESET}

    def boot_flags(self) -> bytes:
        return self._flags

    def set_boot_flags(self, flags: bytes) -> None:
        self._flags = flags


class Witnessed(NodeBmc):
    """A BMC that writes down each request and its session, and each session's end."""

    def __init__(self, folder: NodeDir, endpoints: Endpoints, chassis: Bare) -> None:
        super().__init__(folder, endpoints, chassis)
        self._log = folder.commands

    def handle_raw_request(self, request: Mapping[str, Any], session: LabSession) -> None:
        append_record(self._log, session=session.managedsessionid.hex())
        super().handle_raw_request(request, session)

    def session_closed(self, session: LabSession) -> None:
        append_record(self._log, ended=session.managedsessionid.hex())
        super().session_closed(session)


@dataclass(frozen=True, kw_only=True)
class Hall:
    """BMCs that answer, with their logs."""

    nodes: tuple[Node, ...]
    folder: Path
    #: their processes
    pids: tuple[int, ...]

    def log(self, number: int) -> list[dict[str, str]]:
        """Return what BMC `number` (from 1) wrote down."""
        path = NodeDir(lab=self.folder, number=number).commands
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # it may be writing
        return [json.loads(line) for line in whole.splitlines()]


@contextmanager
def hall(folder: Path, count: int) -> Iterator[Hall]:
    """Yield `count` BMCs on loopback addresses of their own; end them."""
    claimed = claim(None)
    nodes = tuple(_node(folder, claimed.plan.subnet, number) for number in range(1, count + 1))
    processes = []
    try:
        for first in range(1, count + 1, EACH):
            some = min(EACH, count - first + 1)
            order = {"folder": str(folder), "first": first, "count": some}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.bmcs"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(process)
            process.stdin.write(json.dumps(order | {"subnet": claimed.plan.subnet}) + "\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        yield Hall(nodes=nodes, folder=folder, pids=tuple(p.pid for p in processes))
    finally:
        for process in processes:
            process.stdin.close()
            process.kill()
            process.wait()
            process.stdout.close()
        claimed.lock.close()


def _where(subnet: int, number: int) -> Endpoints:
    """Return where BMC `number` listens: pyghmi tells a process's BMCs apart by their ports."""
    net, place = divmod(number - 1, _PER_NET)
    return Endpoints(
        bmc=f"127.{subnet}.{_FIRST_NET + net}.{place + 1}",
        host="127.0.0.1",
        mac=f"52:54:00:{subnet:02x}:{number >> 8:02x}:{number & 255:02x}",
        bmc_port=BMC_PORT + (number - 1) % EACH,
    )


def _node(folder: Path, subnet: int, number: int) -> Node:
    kept = NodeDir(lab=folder, number=number)
    kept.root.mkdir(parents=True, exist_ok=True)
    known = _one_login(folder, kept)
    where = _where(subnet, number)
    return Node(
        name=kept.name,
        mac=where.mac,
        bmc=Bmc(
            address=where.bmc,
            port=where.bmc_port,
            user=known.user,
            password=Secret(known.password),
        ),
        provenance=Provenance.SIMULATED,
        capabilities=frozenset(),
        address=where.host,
    )


def _one_login(folder: Path, node: NodeDir) -> Credentials:
    """Return the first BMC's login for all: ipmipower takes one for all its hosts."""
    first = NodeDir(lab=folder, number=1)
    known = first.credentials()
    if node.number != first.number:
        (node.root / "bmc.json").write_text((first.root / "bmc.json").read_text())
    return known


def _serve(order: dict[str, Any]) -> None:
    loop = Loop()
    for number in range(order["first"], order["first"] + order["count"]):
        folder = NodeDir(lab=Path(order["folder"]), number=number)
        bmc = Witnessed(folder, _where(order["subnet"], number), Bare(loop))
        _watch(loop, bmc)
    loop.watch(sys.stdin.fileno(), sys.exit)
    print("ready", flush=True)
    loop.run(lambda: None)


def _watch(loop: Loop, bmc: Witnessed) -> None:
    serversocket = bmc.serversocket
    loop.watch(serversocket.fileno(), lambda: ipmi._io_graball([serversocket], {}))


if __name__ == "__main__":
    _serve(json.loads(sys.stdin.readline()))

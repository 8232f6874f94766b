"""A switched power strip for the contract suites: Debian's SNMP agent, its outlets in files."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from orchestrator.drivers.power.pdu import Manners
from orchestrator.model.node import Bmc, Node, Pdu, Provenance
from orchestrator.model.secret import Secret
from tests.contract import rig as rigs

AGENT = shutil.which("snmpd", path=f"{os.environ['PATH']}:/usr/sbin")
needs_agent = pytest.mark.skipif(
    AGENT is None, reason="no SNMP agent here; `apt-get install snmpd` installs one"
)


@dataclass
class Strip:
    """A strip of eight outlets, all on at first; the truth is read behind the agent's back."""

    folder: Path
    port: int
    community: str
    reader: str
    process: subprocess.Popen[bytes]

    def node(
        self, *outlets: str, community: str = "", port: int = 0, bmc: Bmc | None = None
    ) -> Node:
        """Return a machine that hangs on these outlets."""
        nowhere = Bmc(address="127.0.0.1", port=1, user="nobody", password=Secret("none"))
        return Node(
            name="n03",
            mac="52:54:00:00:00:03",
            bmc=bmc or nowhere,
            provenance=Provenance.SIMULATED,
            capabilities=frozenset(),
            address="127.0.0.1",
            pdu=Pdu(
                address="127.0.0.1",
                port=port or self.port,
                community=Secret(community or self.community),
                outlets=outlets,
            ),
        )

    def feeds(self, outlet: str) -> bool:
        return (self.folder / f"outlet-{outlet}").read_text() == "on"

    def commands(self) -> list[str]:
        return (self.folder / "commands").read_text().splitlines()

    def fault(self, name: str) -> None:
        (self.folder / "fault").write_text(name)

    def reset(self) -> None:
        """Switch everything on, and forget the commands and the fault."""
        for number in range(1, 9):
            (self.folder / f"outlet-{number}").write_text("on")
        (self.folder / "commands").write_text("")
        self.fault("")

    def stop(self) -> None:
        """Make the strip silent."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `stop`."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def strip(folder: Path, manners: Manners | None = None) -> Iterator[Strip]:
    """Yield a strip whose outlets are at the OIDs of `manners`, as long as its agent lives."""
    manners = manners or Manners()
    (port,) = rigs.free_ports(1)
    community, reader = secrets.token_hex(8), secrets.token_hex(8)
    script = Path(__file__).parent / "strip_process.py"
    outlets = f"{sys.executable} {script} {folder} {manners.command} {manners.state}"
    columns = zip(manners.command.split("."), manners.state.split("."), strict=False)
    root = "".join(
        f".{number}" for number, _ in takewhile(lambda pair: pair[0] == pair[1], columns)
    )
    conf, log = folder / "snmpd.conf", folder / "agent.log"
    conf.write_text(
        f"rwcommunity {community} 127.0.0.1\nrocommunity {reader} 127.0.0.1\n"
        f"pass_persist {root} {outlets}\n"
    )
    conf.chmod(0o600)
    process = subprocess.Popen(
        [str(AGENT), "-f", "-C", "-c", conf, "-Lf", log, f"udp:127.0.0.1:{port}"],
        env={"PATH": os.environ["PATH"], "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
        stdin=subprocess.DEVNULL,
    )
    made = Strip(folder, port, community, reader, process)
    made.reset()
    rigs.wait_for(lambda: log.exists() and "NET-SNMP version" in log.read_text(), 30)
    try:
        yield made
    finally:
        process.kill()
        process.wait()

"""`kvm-lefthand` by a given array, a partner, the simulator: faults move it from one to the next.

The given array is a simulated one, too, since no device is at hand: to the arch, the play and the
product it is an address with a login, as a device would be.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lab import box
from orchestrator.lab.box_faults import BoxFaults
from orchestrator.ports.faults import NodeFault
from tests.chaining import address, keep, partner, token
from tests.orchestrating import ROOT, Orchestrator

pytestmark = pytest.mark.real

ARCH = "kvm-lefthand"
PATIENCE = 900.0


@dataclass
class Ways:
    """A main lab with two machines of a rack, one of them cabled to an array; and a vendor."""

    rack: box.Box
    main: Orchestrator
    vendor: Orchestrator

    def decided(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Return the cell of a new run, once it is over."""
        run = self.main.ask("trunk", ARCH)
        self.main.wait_for(lambda: self.main.done(run), PATIENCE, f"run {run}")
        (cell,) = self.main.json("show", str(run))["cells"]
        return cell


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[Ways]:
    vendor = Orchestrator(home=tmp_path / "vendor", nodes=1, patience=240)
    rack = box.start(tmp_path / "rack", nodes=2, speed=math.inf)
    try:
        vendor.start()
        opens = token(vendor, "--role", "developer", "--note", "main lab", "--arch", ARCH)
        secret = keep(tmp_path / "vendor.token", opens)
        table = partner("vendor", f"{address(vendor)}/jenkins", secret, jobs=[ARCH], accept="20s")
        lab = _lab(tmp_path, rack, vendor.home / "sample", table)
        main = Orchestrator(home=tmp_path / "main", lab=lab, patience=240)
        main.start()
        rack.set_boot_url(f"{address(main)}/boot")
        yield Ways(rack, main, vendor)
        main.stop()
    finally:
        vendor.cli("down")
        vendor.stop()
        rack.stop()


def _lab(folder: Path, rack: box.Box, sample: Path, table: str) -> Path:
    octets = rack.nodes()[0].address.split(".")
    given = f"array_address: 127.{octets[1]}.4.1, array_password: lefthand"
    archs = folder / "archs"
    archs.mkdir()
    text = (ROOT / "reference_archs" / "lefthand.yaml").read_text()
    assert "array: given}" in text
    (archs / "lefthand.yaml").write_text(text.replace("array: given}", f"array: given, {given}}}"))
    for name in ("linux", "initrd.gz"):
        (folder / name).write_bytes(b"nothing in it is ever executed\n")
    lines = [
        f'[repos]\nsample = {{url = "{sample}", trusted = true}}\n[folders]\narchs = "archs"',
        "[images.debian-12]\nsuite = 'bookworm'\nkernel = 'linux'\ninitrd = 'initrd.gz'",
        "mirror = 'http://mirror.invalid/debian'\n[drivers.power.ipmi]\ngap = 0\nsettle = 4",
    ]
    for node, more in zip(rack.nodes(), ("lefthand", "lefthand-simulator"), strict=True):
        password = keep(folder / f"{node.name}.bmc", node.bmc.password.reveal())
        lines.append(
            f"[[nodes]]\nname = '{node.name}'\nmac = '{node.mac}'\nprovenance = 'simulated'\n"
            f"capabilities = ['x86_64', 'kvm', 'flat', '{more}']\naddress = '{node.address}'\n"
            f"ssh_port = {node.ssh_port}\nssh_user = '{node.ssh_user}'\n[nodes.bmc]\n"
            f"address = '{node.bmc.address}'\nport = {node.bmc.port}\nuser = '{node.bmc.user}'\n"
            f"password = 'file:{password}'"
        )
    path = folder / "lab.toml"
    path.write_text("\n".join(lines) + f"\n{table}\n")
    return path


def test_each_way_is_green_and_a_fault_moves_the_cell_to_the_next(ways: Ways) -> None:
    given = ways.decided()
    assert (given["verdict"], given["nodes"]) == ("passed", ["n01"]), given["cause"]

    # The machine that is cabled to the array is lost: its BMC says yes, and does nothing.
    fault = NodeFault(node="n01", kind="lying", chance=1.0, until=None)
    BoxFaults(ways.rack).set(fault)
    theirs = ways.decided()
    assert (theirs["verdict"], theirs["provenance"]) == ("passed", "partner"), theirs["cause"]
    assert theirs["attempts"] > 1

    # The partner's lab is lost, too.
    ways.vendor.kill()
    ours = ways.decided()
    assert (ours["verdict"], ours["nodes"]) == ("passed", ["n02"]), ours["cause"]
    assert ours["provenance"] == "simulated"
    ways.vendor.start()

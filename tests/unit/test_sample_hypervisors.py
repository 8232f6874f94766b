"""The sample speaks to simulated hypervisors, to each by its real client library."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from orchestrator.lab import sample
from orchestrator.lab.hypervisors import libvirt
from orchestrator.lab.hypervisors.served import Fault, Served, serving
from orchestrator.lab.hypervisors.vsphere import Esxi
from orchestrator.lab.hypervisors.winrm import VIRTUALIZATION, HyperV
from orchestrator.lab.hypervisors.xapi import Xapi
from orchestrator.model.secret import Secret
from tests.unit.sample_cloud import ROOT, cloud, passed, smoke

TREE = Path(sample.__file__).parent / "product-tree"
MACS = ["fa:16:3e:00:00:01", "fa:16:3e:00:00:02"]
#: orders a guest with two cards and a volume, twice, and says what it finds; then stops it
CLIENT = """
import json, sys
from importlib import import_module
from pathlib import Path
from stratus.drivers.hardware import Disk, Link, Order

kind, macs, told = json.loads(sys.argv[1])
server = "5f0c1a52-0000-4000-8000-000000000001"
links = tuple(Link(bridge="br", vlan=100, address="127.0.0.1", allowed=()) for _ in macs)
instance = {"id": 1, "uuid": server, "name": "guest", "mac_address": ",".join(macs)}
order = Order(instance=instance, links=links, disks=(Disk(volume="v-1", device="/dev/vdb"),),
    fingerprint="", metadata={})
definition = import_module(f"stratus.drivers.{kind}").define(order)
host = import_module(f"stratus.hypervisors.{kind}").Host.told(told, Path(told["folder"]))
found = [host.run(server, definition) for _ in range(2)][-1]
print(json.dumps([found.name, found.macs, found.disks]), flush=True)
sys.stdin.readline()
host.stop(server)
"""


@contextmanager
def product(kind: str, at: Served, password: str, folder: Path) -> Iterator[Any]:
    """Yield the process that orders the guest and waits, its stdout a pipe."""
    (folder / "hash").write_text(at.certificate)
    told = {
        "address": at.address,
        "port": str(at.port),
        "user": "Administrator" if kind == "hyperv" else "root",
        "password": password,
        "certificate_file": "hash",
    }
    with ordering(kind, told, folder) as process:
        yield process


@contextmanager
def ordering(kind: str, told: dict[str, str], folder: Path) -> Iterator[Any]:
    command = [
        sys.executable,
        "-c",
        CLIENT,
        json.dumps([kind, MACS, told | {"folder": str(folder)}]),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=TREE, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        yield process
        _, said = process.communicate("\n", timeout=60)
        process.said = said  # type: ignore[attr-defined]


def test_a_guest_is_made_by_xapi_and_gone_after_that(tmp_path: Path) -> None:
    password = secrets.token_hex(8)
    simulator = Xapi(password=Secret(password))
    with serving(simulator.desk()) as at, product("xenserver", at, password, tmp_path) as process:
        assert json.loads(process.stdout.readline()) == ["guest", MACS, [["/dev/xvdb", "v-1"]]]
        vms = simulator.tables["VM"].values()
        guests = [vm for vm in vms if not vm["is_control_domain"]]
        assert [(vm["name_label"], vm["power_state"]) for vm in guests] == [("guest", "Running")]
        assert sorted(v["MAC"] for v in simulator.tables["VIF"].values()) == MACS
    assert process.returncode == 0, process.said
    assert len(simulator.tables["VM"]) == 1, "the control domain only"


def test_a_guest_is_made_by_wmi_and_gone_after_that(tmp_path: Path) -> None:
    password = secrets.token_hex(8)
    simulator = HyperV(password=Secret(password))
    systems = simulator.objects[f"{VIRTUALIZATION}/Msvm_ComputerSystem"]
    with serving(simulator.desk()) as at, product("hyperv", at, password, tmp_path) as process:
        assert json.loads(process.stdout.readline()) == ["guest", MACS, [["/dev/vdb", "v-1"]]]
        assert [(s["ElementName"], s["EnabledState"]) for s in systems[1:]] == [("guest", "2")]
    assert process.returncode == 0, process.said
    assert len(systems) == 1, "the host only"


def test_a_guest_is_made_by_vsphere_and_gone_after_that(tmp_path: Path) -> None:
    password = secrets.token_hex(8)
    simulator = Esxi(password=Secret(password))
    with serving(simulator.desk()) as at, product("vmware", at, password, tmp_path) as process:
        assert json.loads(process.stdout.readline()) == ["guest", MACS, [["/dev/vdb", "v-1"]]]
        [machine] = simulator.inventory.every(vim.VirtualMachine)
        made = simulator.inventory.of(machine)
        assert (made["config"].annotation, made["runtime"].powerState) == ("guest", "poweredOn")
        assert [simulator.inventory.of(one)["name"] for one in made["network"]] == ["br-100"]
    assert process.returncode == 0, process.said
    assert simulator.inventory.every(vim.VirtualMachine) == []


@pytest.mark.skipif(bool(libvirt.missing()), reason=libvirt.missing())
def test_a_guest_is_made_by_libvirt_and_gone_after_that(tmp_path: Path) -> None:
    programs = libvirt.find()
    assert programs is not None
    with libvirt.serving(programs) as uri:
        (tmp_path / "uri").write_text(uri)
        with ordering("kvm", {"uri_file": "uri", "virt_type": "test"}, tmp_path) as process:
            assert json.loads(process.stdout.readline()) == ["guest", MACS, [["/dev/vdb", "v-1"]]]
            assert virsh(uri, "list").split()[1:] == ["instance-00000001", "running"]
            assert "<tag id='100'/>" in virsh(uri, "dumpxml instance-00000001")
        assert process.returncode == 0, process.said
        assert virsh(uri, "list --all") == ""


def test_without_libvirt_guests_are_made_from_their_definitions_and_the_log_says_so(
    tmp_path: Path,
) -> None:
    told, config = tmp_path / "told", tmp_path / "config.json"
    listen = {"kind": "kvm", "address": "127.0.0.1", "port": 0, "password": "x"}
    config.write_text(json.dumps({**listen, "told": str(told)}))
    command = [sys.executable, "-m", "orchestrator.lab.hypervisors", "--config", str(config)]
    with subprocess.Popen(
        command, env={"PATH": str(tmp_path)}, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        api = {"uri_file": str(told), "virt_type": "test"}
        with cloud(tmp_path / "c", TREE, api=api) as running:
            assert passed(smoke(running.folder, "two_nics")) == {"test_two_nics"}
        process.terminate()
    assert said == "no libvirt here: guests are made from their definitions alone\n"
    assert told.read_text() == ""


def virsh(uri: str, words: str) -> str:
    command = ["virsh", "-q", "-c", uri, words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


SIMULATED = {"xenserver": Xapi, "hyperv": HyperV, "vmware": Esxi}


@pytest.mark.parametrize("fault", [Fault.REFUSES_LOGIN, Fault.HANGS_UP])
@pytest.mark.parametrize("kind", SIMULATED)
def test_a_hypervisor_that_does_wrong_is_named(tmp_path: Path, kind: str, fault: Fault) -> None:
    password = secrets.token_hex(8)
    desk = SIMULATED[kind](password=Secret(password)).desk()
    desk.fault = fault
    with serving(desk) as at, product(kind, at, password, tmp_path) as process:
        assert process.stdout.readline() == ""
    assert process.returncode == 1
    assert f"{kind}: " in process.said

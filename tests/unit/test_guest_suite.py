"""The suite of guests and its arch: what is written for libvirt, and what is read back."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from jinja2 import StrictUndefined, Template

from orchestrator import archs
from tests.unit.sample_cloud import ROOT

SUITES = ROOT / "reference_archs" / "suites"
SUITE = SUITES / "guests"
ROLE = ROOT / "playbooks" / "roles" / "guest_image" / "files"

#: as virsh 9.0.0 printed it
VERSION = """Compiled against library: libvirt 9.0.0
Using library: libvirt 9.0.0
Using API: QEMU 9.0.0
Running hypervisor: QEMU 7.2.22
Running against daemon: 9.0.0

"""
#: as a guest told it
REPORT = """mac eth0 52:54:00:ab:cd:01
mac eth1 52:54:00:AB:CD:02
disk vda 50331648
head vda smoke 0011 22
disk vdb 1048576
head vdb\x20
arping: something else
"""


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The suite's modules, imported as pytest does for the suite, and forgotten afterwards."""
    names = [path.stem for path in SUITE.glob("*.py") if not path.stem.startswith(("test_", "con"))]
    monkeypatch.syspath_prepend(str(SUITE))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: __import__(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def _guest(suite: dict[str, ModuleType]) -> object:
    kind = suite["guest"]
    nics = tuple(
        kind.Nic(mac=f"52:54:00:00:00:0{n}", bridge=f"guests{n}", address=f"100.64.1.{n}/25")
        for n in range(2)
    )
    return kind.Guest(name="smoke-a&b", kernel="/k<", initrd="/i", nics=nics)


def test_a_domain_is_what_the_guest_is(suite: dict[str, ModuleType]) -> None:
    guest = _guest(suite)
    found = ET.fromstring(suite["libvirt"].domain(guest, "kvm"))  # noqa: S314  # our own
    assert found.get("type") == "kvm"
    assert found.findtext("name") == "smoke-a&b"
    assert found.findtext("os/kernel") == "/k<"
    cards = found.findall("devices/interface")
    pairs = [(card.find("mac").get("address"), card.find("source").get("bridge")) for card in cards]
    assert pairs == [("52:54:00:00:00:00", "guests0"), ("52:54:00:00:00:01", "guests1")]
    words = found.findtext("os/cmdline").split()
    assert "smoke.nic=52:54:00:00:00:01,100.64.1.1/25" in words
    console = found.find("devices/serial/source").get("path")
    assert Path(console).name in suite["libvirt"].Libvirt(None).log(guest)


def test_a_disk_is_the_block_device(suite: dict[str, ModuleType]) -> None:
    device = "/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-iqn.2024-01.a&b:v-lun-1"
    found = ET.fromstring(suite["libvirt"].disk(device))  # noqa: S314  # our own
    assert (found.get("type"), found.find("source").get("dev")) == ("block", device)


class Saying:
    """A node whose commands all print the same."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.commands: list[list[str]] = []

    def run(self, argv: list[str], *, stdin: str = "") -> str:
        self.commands.append([*argv, stdin])
        return self.text


def test_the_version_is_that_of_the_running_hypervisor(suite: dict[str, ModuleType]) -> None:
    assert suite["libvirt"].Libvirt(Saying(VERSION)).version() == "QEMU 7.2.22"
    with pytest.raises(suite["node"].NodeError, match="no running hypervisor"):
        suite["libvirt"].Libvirt(Saying("Using library: libvirt 9.0.0\n")).version()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("<domain type='qemu'/><domain type='kvm'/>", "kvm"), ("<domain type='qemu'/>", "qemu")],
)
def test_guests_run_in_software_where_there_is_no_kvm(
    suite: dict[str, ModuleType], offered: str, chosen: str
) -> None:
    node = Saying(offered)
    suite["libvirt"].Libvirt(node).boot(_guest(suite))
    assert f'<domain type="{chosen}">' in node.commands[1][-1]
    assert node.commands[2][-3:] == ["start", "smoke-a&b", ""]


def test_a_guest_tells_its_cards_and_disks(suite: dict[str, ModuleType]) -> None:
    report = suite["guest"].parse(REPORT)
    assert report.macs == {"eth0": "52:54:00:ab:cd:01", "eth1": "52:54:00:ab:cd:02"}
    assert report.disks == {"vda": 50331648, "vdb": 1048576}
    assert report.heads == {"vda": "smoke 0011 22", "vdb": ""}


def test_two_guests_share_neither_name_nor_card(suite: dict[str, ModuleType]) -> None:
    guest = suite["guest"]
    assert guest.new_name() != guest.new_name()
    assert guest.new_mac() != guest.new_mac()


def test_hosts_json_is_read_as_the_deploy_writes_it(
    suite: dict[str, ModuleType], tmp_path: Path
) -> None:
    node = suite["node"]
    network = {"bridge": "b", "uplink": "", "vlan": 0, "node": "100.64.0.1/25", "guest": "g"}
    target = {"portal": "127.0.0.1:3260", "iqn": "iqn.x", "file": "/v", "bytes": 512}
    names = ("name", "address", "user", "key", "host_key", "kernel", "initrd")
    host = {name: name for name in names}
    host |= {"port": 22, "networks": [network], "target": target}
    (tmp_path / "hosts.json").write_text(json.dumps({"hosts": [host]}))
    (place,) = node.read(tmp_path / "hosts.json")
    assert place.networks == (node.Network(**network),)
    assert place.target.bytes == 512


@pytest.mark.parametrize("text", ["", "[]", '{"hosts": [{"name": "n"}]}'])
def test_a_broken_hosts_json_is_a_sentence(
    suite: dict[str, ModuleType], tmp_path: Path, text: str
) -> None:
    (tmp_path / "hosts.json").write_text(text)
    with pytest.raises(suite["node"].NodeError, match="see the log of the deploy"):
        suite["node"].read(tmp_path / "hosts.json")


def test_an_unknown_hypervisor_is_refused(suite: dict[str, ModuleType]) -> None:
    with pytest.raises(suite["node"].NodeError, match="'hyperv'"):
        suite["hypervisor"].choose("hyperv", None)


@pytest.mark.parametrize("name", ["init", "report", "pack"])
def test_scripts_can_be_read(name: str) -> None:
    done = subprocess.run(["sh", "-n", ROLE / name], capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def test_the_arch_has_a_member_for_each_network_model(tmp_path: Path) -> None:
    (source,) = (ROOT / "reference_archs").glob("kvm-guest.yaml*")
    shutil.copy(source, tmp_path / "kvm-guest.yaml")
    found = archs.load([tmp_path], playbooks=ROOT / "playbooks", suites=SUITES)
    assert [arch.name for arch in found] == ["kvm-guest-flat", "kvm-guest-vlan"]
    for arch in found:
        (role,) = arch.roles
        model = dict(arch.deploy.settings)["network_model"]
        assert role.needs == {"x86_64", "kvm-guests", model}
        assert role.groups == ("hypervisors",)
        assert arch.lieutenants


@pytest.mark.parametrize(("tag", "port"), [(0, "eth1"), (100, "eth1.100")])
def test_a_bridge_leaves_by_the_uplink_or_its_tag(tag: int, port: str) -> None:
    source = (ROOT / "playbooks/roles/guest_network/templates/guest-network.service.j2").read_text()
    network = {"bridge": "guests0", "uplink": "eth1", "vlan": tag, "node": "100.64.1.1/25"}
    private = {"bridge": "guests1", "uplink": "", "vlan": 0, "node": "100.64.1.129/25"}
    template = Template(source, trim_blocks=True, undefined=StrictUndefined)
    text = template.render(guest_networks=[network, private])
    joined, deaf = (
        f"ip link set {port} master guests0 up\n",
        f"ip link set {port} type bridge_slave",
    )
    assert text.index(joined) < text.index(f"{deaf} learning off\n")
    assert ("type vlan id 100\n" in text) == bool(tag)
    assert "master guests1" not in text


def test_each_guest_has_addresses_of_its_own(suite: dict[str, ModuleType]) -> None:
    kind = suite["node"]
    network = kind.Network(
        bridge="b", uplink="", vlan=0, node="100.64.0.1/25", guest="100.64.0.2/25"
    )
    node = SimpleNamespace(place=SimpleNamespace(networks=(network,), kernel="/k", initrd="/i"))
    started: list[object] = []
    host = suite["host"].Host(node, SimpleNamespace(boot=started.append))
    first, second = host.boot(), host.boot()
    assert started == [first, second]
    assert (first.nics[0].address, second.nics[0].address) == ("100.64.0.2/25", "100.64.0.3/25")


def test_a_guest_that_hangs_is_told_by_its_last_line(
    suite: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite["host"], "READY_SECONDS", -1.0)
    node = SimpleNamespace(place=SimpleNamespace(name="n07"))
    hung = SimpleNamespace(
        console=lambda _: "Booting\nKernel panic - not syncing\n\n", log=lambda _: "a.log"
    )
    with pytest.raises(pytest.fail.Exception, match=r"Kernel panic.* \(see a.log in .* n07\)"):
        suite["host"].Host(node, hung).wait(_guest(suite))

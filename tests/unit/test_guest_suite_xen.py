"""The suite of guests on Xen: what is written for `xl`, what is read back, and its arch."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from jinja2 import Environment, StrictUndefined

from orchestrator import archs
from tests.unit.sample_cloud import ROOT

SUITES = ROOT / "reference_archs" / "suites"
ROLE = ROOT / "playbooks" / "roles" / "xen"

#: as xl 4.17 printed it, shortened
INFO = """host                   : node
xen_major              : 4
xen_minor              : 17
xen_version            : 4.17.7
xen_commandline        : placeholder console=com1 com1=115200,8n1
xend_config_format     : 4
"""
LIST = """Name                                        ID   Mem VCPUs	State	Time(s)
Domain-0                                     0   605     1     r-----     112.0
smoke-00                                     1   128     1     -b----       8.9
smoke-01                                     2   128     1     -b----       9.9
"""


class Xl:
    """A node on which every command prints the same."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.commands: list[list[str]] = []

    def run(self, argv: list[str], *, stdin: str = "") -> str:
        self.commands.append([*argv, *filter(None, [stdin])])
        return self.text


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules that Xen needs, imported as pytest does for the suite, then forgotten."""
    names = ["guest", "node", "xen"]
    monkeypatch.syspath_prepend(str(SUITES / "guests"))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: __import__(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def _guest(suite: dict[str, ModuleType], name: str = "smoke-00") -> object:
    kind = suite["guest"]
    nics = tuple(
        kind.Nic(mac=f"52:54:00:00:00:0{n}", bridge=f"guests{n}", address=f"100.64.1.{n}/25")
        for n in range(2)
    )
    return kind.Guest(name=name, kernel='/k"', initrd="/i", nics=nics)


def test_a_domain_is_what_the_guest_is(suite: dict[str, ModuleType]) -> None:
    lines = suite["xen"].domain(_guest(suite)).splitlines()
    found = {name: ast.literal_eval(value) for name, value in (li.split(" = ", 1) for li in lines)}
    assert (found["name"], found["type"], found["kernel"]) == ("smoke-00", "pv", '/k"')
    assert found["vif"] == [
        "mac=52:54:00:00:00:00,bridge=guests0",
        "mac=52:54:00:00:00:01,bridge=guests1",
    ]
    assert "smoke.nic=52:54:00:00:00:01,100.64.1.1/25" in found["extra"].split()
    assert "console=hvc0" in found["extra"].split()


def test_the_version_is_that_of_the_running_hypervisor(suite: dict[str, ModuleType]) -> None:
    assert suite["xen"].Xen(Xl(INFO)).version() == "Xen 4.17.7"
    with pytest.raises(suite["node"].NodeError, match="no running hypervisor"):
        suite["xen"].Xen(Xl("host : node\n")).version()


def test_domain_0_is_no_guest(suite: dict[str, ModuleType]) -> None:
    assert suite["xen"].Xen(Xl(LIST)).names() == ("smoke-00", "smoke-01")


@pytest.mark.parametrize(("name", "destroyed"), [("smoke-01", True), ("smoke-02", False)])
def test_only_a_guest_that_runs_is_destroyed(
    suite: dict[str, ModuleType], name: str, destroyed: bool
) -> None:
    node = Xl(LIST)
    suite["xen"].Xen(node).remove(_guest(suite, name))
    assert (["xl", "destroy", name] in node.commands) == destroyed


def test_a_disk_goes_by_the_same_name_both_ways(suite: dict[str, ModuleType]) -> None:
    device = "/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-iqn.2024-01.lab:v-lun-1"
    node = Xl("")
    hypervisor = suite["xen"].Xen(node)
    hypervisor.attach(_guest(suite), device)
    hypervisor.detach(_guest(suite), device)
    (*attach, disk), (*detach, name) = node.commands
    assert attach == ["xl", "block-attach", "smoke-00"]
    assert detach == ["xl", "block-detach", "smoke-00"]
    # xl takes all after `target=` as the path, whatever is in it
    before, _, target = disk.partition("target=")
    assert target == device
    assert f"vdev={name}," in before


class Busy(Xl):
    """A node that fails at the first disks that it is to attach."""

    def __init__(self, failures: int, error: type[Exception]) -> None:
        super().__init__("")
        self.failures, self.error = failures, error

    def run(self, argv: list[str], *, stdin: str = "") -> str:
        super().run(argv, stdin=stdin)
        if argv[1] == "block-attach" and self.failures:
            self.failures -= 1
            raise self.error("xl block-attach failed: not ready")
        return ""


def test_a_busy_machine_gets_another_try_to_attach_a_disk(
    suite: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite["xen"], "_PAUSE_SECONDS", 0)
    failed = suite["node"].NodeError
    node = Busy(2, failed)
    suite["xen"].Xen(node).attach(_guest(suite), "/dev/sdb")
    verbs = [words[1] for words in node.commands]
    assert verbs == [*("block-attach", "block-detach") * 2, "block-attach"]
    with pytest.raises(failed, match="not ready"):
        suite["xen"].Xen(Busy(3, failed)).attach(_guest(suite), "/dev/sdb")


def test_grub_keeps_what_the_kernel_was_told(tmp_path: Path) -> None:
    template = (ROLE / "templates" / "grub.cfg.j2").read_text()
    text = Environment(undefined=StrictUndefined, autoescape=False).from_string(template)  # noqa: S701  # no HTML
    config = tmp_path / "zz-xen.cfg"
    serial = {"port": 1, "speed": 57600}
    config.write_text(text.render(xen_serial=serial, xen_arguments="console=com2 noreboot"))
    script = (
        "GRUB_CMDLINE_LINUX='net.ifnames=0 console=ttyS1,57600' GRUB_CMDLINE_LINUX_DEFAULT=quiet;"
        f" . {config}; echo $GRUB_CMDLINE_LINUX_XEN_REPLACE; echo $GRUB_CMDLINE_XEN;"
        " echo $GRUB_SERIAL_COMMAND"
    )
    done = subprocess.run(
        ["sh", "-ec", script], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout.splitlines() == [
        "net.ifnames=0 console=ttyS1,57600 quiet console=hvc0",
        "console=com2 noreboot",
        "serial --unit=1 --speed=57600",
    ]


def test_the_arch_has_a_member_for_each_network_model(tmp_path: Path) -> None:
    (source,) = (ROOT / "reference_archs").glob("xen-guest.yaml*")
    shutil.copy(source, tmp_path / "xen-guest.yaml")
    found = archs.load([tmp_path], playbooks=ROOT / "playbooks", suites=SUITES)
    assert [arch.name for arch in found] == ["xen-guest-flat", "xen-guest-vlan"]
    for arch in found:
        (role,) = arch.roles
        model = dict(arch.deploy.settings)["network_model"]
        assert role.needs == {"x86_64", "xen-guests", model}
        assert dict(arch.deploy.settings)["hypervisor"] == "xen"
        assert arch.lieutenants == ("xen-team",)

"""A simulated machine: network boot, installer, disk, SSH."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator.lab.faults import Fault
from orchestrator.lab.labdir import COOKIE
from tests.unit import lab_rig
from tests.unit.lab_rig import Live, Rig, new_key, sleeps, wait


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with lab_rig.live(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def rig(live: Live) -> Iterator[Rig]:
    with live.rig() as machine:
        yield machine


def test_install_call_home_and_ssh_with_the_pinned_host_key(rig: Rig) -> None:
    rig.install()
    assert [urlsplit(path).path for path in rig.server.fetched] == [
        "/ipxe",
        "/linux",
        "/initrd.gz",
        "/preseed.cfg",
        "/authorized_keys",
    ]
    assert parse_qs(urlsplit(rig.server.fetched[0]).query) == {"mac": [rig.node.mac]}
    assert len(rig.server.called_home) == 1
    said = rig.ssh(f"echo $HOME $TMPDIR ${COOKIE}; pwd; cat by-late-command ../etc/hostname")
    home = str(rig.folder.disk / "root")
    assert said.stdout.split() == [
        *(home, str(rig.folder.disk / "tmp"), rig.folder.cookie, home, "made", rig.node.mac)
    ], said.stderr
    assert rig.ssh("exit 7").returncode == 7
    wanted = ["boot-device", "power-on", "installer-started", "installed", "booted"]
    assert rig.witnessed()[-5:] == wanted
    console = rig.console()
    assert console.index("Installing the base system") < console.index("late_command")
    assert rig.power() == "on"


def test_another_host_key_or_login_key_is_refused(rig: Rig, tmp_path: Path) -> None:
    rig.install()
    stranger = new_key(tmp_path / "id")
    other = Rig(node=rig.node, folder=rig.folder, server=rig.server, identity=stranger)
    assert "Permission denied" in other.ssh("true").stderr
    rig.server.called_home.append(stranger.with_suffix(".pub").read_text())
    assert "Host key verification failed" in rig.ssh("true").stderr


def test_power_off_ends_what_was_started_over_ssh(rig: Rig) -> None:
    rig.install()
    mark = f"9{secrets.randbelow(10**6):06d}"
    daemon = f"setsid sh -c 'sleep {mark} & env -i sleep {mark} & wait' >/dev/null 2>&1 &"
    assert rig.ssh(daemon).returncode == 0
    wait(lambda: len(sleeps(mark)) == 2, "two sleeps")
    rig.ipmi("set_power", "off")
    assert rig.power() == "off"
    assert sleeps(mark) == []
    assert "refused" in rig.ssh("true").stderr


def test_boot_from_disk_keeps_it_and_a_reinstall_wipes_it(rig: Rig) -> None:
    rig.install()
    assert rig.ssh("touch kept").returncode == 0
    rig.ipmi("set_power", "reset")
    rig.wait_console("login:")
    assert rig.ssh("ls kept").stdout == "kept\n"
    first = rig.server.called_home[-1]
    rig.install()
    assert rig.server.called_home[-1] != first
    assert rig.ssh("ls kept").returncode != 0


def test_the_network_boot_flag_serves_once(rig: Rig) -> None:
    rig.ipmi("set_power", "off")
    rig.ipmi("set_bootdev", "network")
    assert rig.ipmi("get_bootdev")["bootdev"] == "network"
    rig.ipmi("set_power", "on")
    rig.wait_console("login:")
    assert rig.ipmi("get_bootdev")["bootdev"] == "default"


def test_an_empty_disk_is_said_so(rig: Rig) -> None:
    rig.server.preseed = "d-i oops\n"
    rig.boot()
    rig.wait_console("[!!]")
    # The installer stopped before it touched the disk, so start from one that it emptied.
    rig.server.usual()
    rig.break_it(Fault.HANGS_IN_INSTALL)
    rig.boot()
    rig.wait_console("Installing the base system")
    rig.ipmi("set_power", "reset")
    assert "No bootable device" in rig.wait_console("No bootable device")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("boolean true", "boolean yes", "/var/lib/preseed.cfg line 7: partman/confirm is a bool"),
        ("string regular", "strin regular", "/var/lib/preseed.cfg line 6: unknown type 'strin'"),
        ("d-i time/zone string Etc/UTC", "d-i time/zone", "/var/lib/preseed.cfg line 3: parse err"),
        ("d-i grub-installer/bootdev", "d-i grub-installer/other", "Device for boot loader"),
        ("mkdir -p -m 700", "false && mkdir", '"late_command" failed with exit code 1'),
    ],
)
def test_answers_that_cannot_work_are_refused_on_the_console(
    rig: Rig, before: str, after: str, said: str
) -> None:
    assert before in rig.server.preseed
    rig.server.preseed = rig.server.preseed.replace(before, after)
    rig.boot()
    assert said in rig.wait_console("<Go Back>")
    assert rig.server.called_home == []
    assert rig.power() == "on"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "No such file or directory (https://ipxe.org/2d0c613b)"),
        ("kernel x\n", "Exec format error"),
        ("#!ipxe\nfrobnicate\n", "frobnicate: command not found"),
        ("#!ipxe\nkernel {url}/missing a=b\nboot\n", "/missing... No such file or directory"),
    ],
)
def test_a_boot_script_that_cannot_work_is_refused_as_ipxe_does(
    rig: Rig, script: str | None, said: str
) -> None:
    rig.server.script = None if script is None else script.format(url=rig.server.url)
    rig.boot()
    rig.wait_console("Could not boot")
    assert said in rig.console()


def test_no_answer_from_the_network(rig: Rig) -> None:
    rig.break_it(Fault.NO_PXE)
    rig.boot()
    rig.wait_console("PXE-E51: No DHCP or proxyDHCP offers were received.")
    assert rig.server.fetched == []


def test_no_call_back(rig: Rig) -> None:
    rig.break_it(Fault.NO_CALLBACK)
    rig.boot()
    rig.wait_console("login:")
    assert rig.server.called_home == []


def test_power_is_lost_after_the_first_command(rig: Rig) -> None:
    rig.install()
    rig.break_it(Fault.DIES_IN_DEPLOY)
    said = rig.ssh("sleep 60")
    assert said.returncode == 255
    assert rig.power() == "off"
    assert rig.witnessed()[-1] == "power-lost"

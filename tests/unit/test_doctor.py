"""`smoketest doctor`: what this machine lacks, and what is wrong in a store."""

import json
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from orchestrator.cli import probes
from orchestrator.drivers.store.opened import open_store
from orchestrator.lab.qemu import needs
from orchestrator.lab.qemu.needs import Need
from orchestrator.model.errors import ConfigError
from orchestrator.ports.store import Enrolled
from orchestrator.wiring.home import Home
from tests import postgres
from tests.unit.test_check import smoketest

NEEDED = ("git", "ssh", "ssh-keygen")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that tools are found in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def found(home: Path) -> dict[str, probes.Probe]:
    return {probe.subject: probe for probe in probes.all_probes(home)}


def test_this_machine_has_what_its_tests_need(tmp_path: Path) -> None:
    done = smoketest("doctor", "--home", tmp_path / "home", "--json")
    answer = json.loads(done.stdout)
    missing = {probe["subject"] for probe in answer["probes"] if not probe["ok"]}
    needed = {probe["subject"] for probe in answer["probes"] if probe["needed"]}
    assert not missing & needed
    assert (answer["ok"], answer["type"], done.returncode) == (True, "", 0)
    lacking = needs.missing(needs.ALWAYS)
    assert answer["type_for_emulated"] == needs.line(lacking)
    assert all(need.package in answer["type_for_emulated"].split() for need in lacking)
    assert not (tmp_path / "home").exists()


def test_a_missing_tool_is_named_with_the_line_to_type(tools: Path, tmp_path: Path) -> None:
    (tools / "git").symlink_to(sys.executable)
    done = smoketest("doctor", "--home", tmp_path / "home")
    assert done.returncode == 2
    assert "Type: sudo apt-get install openssh-client" in done.stdout
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ["ok", "git"] in rows
    assert ["missing", "ssh"] in rows
    assert ["optional", "ipmitool"] in rows
    assert "Nothing that is needed is missing." not in done.stdout


@pytest.mark.usefixtures("tools")
def test_every_package_is_on_the_one_line_once(tmp_path: Path) -> None:
    probed = found(tmp_path)
    assert not any(probed[name].ok for name in NEEDED)
    wanted = "sudo apt-get install git openssh-client"
    assert probes.one_line(tuple(probed[name] for name in NEEDED)) == wanted
    assert probes.one_line(()) == ""
    assert probes.one_line((probed["ipmitool"],)) == ""


def programs(folder: Path, wanted: tuple[Need, ...]) -> None:
    """Put programs into the folder that are found nowhere."""
    for need in needs.missing(wanted):
        (folder / need.what).symlink_to(sys.executable)


def test_what_emulated_machines_lack_is_one_more_line(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Need(what=str(tools / "firmware"), package="seabios", purpose="a file")
    wanted = (*(n for n in needs.ALWAYS if not n.what.startswith("/")), there)
    monkeypatch.setattr(needs, "ALWAYS", wanted)
    assert "seabios" in probes.emulated_line().split()
    (tools / "firmware").touch()
    programs(tools, wanted)
    assert probes.emulated_line() == ""
    assert found(tmp_path)["emulated machines"].ok
    for name in ("vde_switch", "qemu-img"):
        (tools / name).unlink()
    assert probes.emulated_line() == "sudo apt-get install qemu-utils vde2"
    probe = found(tmp_path)["emulated machines"]
    assert (probe.ok, probe.needed) == (False, False)
    assert probe.found == "not found: qemu-img, vde_switch"
    assert probes.one_line((probe,)) == ""


def test_only_what_the_lab_uses_is_asked_for(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "ALWAYS", ())
    absent = Need(what=str(tools / "code.fd"), package="ovmf", purpose="firmware")
    monkeypatch.setattr(needs, "UEFI", (absent,))
    needs.require(uefi=False, redfish_bmcs=False, methods=("preseed",))
    with pytest.raises(ConfigError, match=r"need .*/code.fd; type: sudo apt-get install ovmf"):
        needs.require(uefi=True, redfish_bmcs=False, methods=("preseed",))
    with pytest.raises(ConfigError, match=r"need mmdebstrap.*; type: sudo apt-get install mmdeb"):
        needs.require(uefi=False, redfish_bmcs=False, methods=("preseed", "fai"))


@pytest.mark.usefixtures("tools")
def test_up_refuses_emulated_machines_before_it_begins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = smoketest("up", "--lab", "qemu", "--home", home, "--port", "0")
    assert done.returncode == 2
    line = needs.line(needs.missing(needs.ALWAYS))
    assert "qemu-system-x86 qemu-utils" in line
    assert f"; type: {line}\n" in done.stderr
    assert not (home / "lab" / "lab.json").exists()


@pytest.fixture
def taken() -> Iterator[None]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((probes.LOOPBACK, probes.DEFAULT_PORT))
            listener.listen()
        except OSError:
            pass  # somebody else has taken it for us
        yield


@pytest.mark.usefixtures("taken")
def test_a_taken_port_is_told_but_no_obstacle(tmp_path: Path) -> None:
    probe = found(tmp_path)[f"port {probes.DEFAULT_PORT}"]
    assert (probe.ok, probe.needed) == (False, False)
    assert probe.found == f"{probes.LOOPBACK}:{probes.DEFAULT_PORT}: address already in use"


def test_too_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(probes, "ROOM", 2 * free)
    home = tmp_path / "not" / "there" / "yet"
    probe = found(home)["disk space"]
    assert (probe.ok, probe.needed) == (False, True)
    assert probe.found.endswith(f"GiB free for {home}")
    assert probe.advice.endswith("GiB free, or choose another folder with --home")


def test_an_address_that_is_not_ours_cannot_be_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(tmp_path)["loopback addresses"].ok
    monkeypatch.setattr(probes, "FAR_LOOPBACK", "192.0.2.1")
    probe = found(tmp_path)["loopback addresses"]
    assert (probe.ok, probe.found) == (False, "192.0.2.1:0: cannot assign requested address")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a store that knows one machine."""
    store = open_store(Home(folder=tmp_path).store_url)
    node = Enrolled(name="n01", capabilities=frozenset({"kvm"}))
    store.nodes.enrol([node], datetime.now(UTC))
    store.database.close()
    return tmp_path


def test_a_consistent_store_is_said_to_be_one(home: Path) -> None:
    done = smoketest("doctor", "--store", "--home", home)
    assert done.stdout == f"The store of {home} is consistent.\n"
    assert done.returncode == 0


def test_what_is_wrong_in_the_store_is_printed(home: Path) -> None:
    with sqlite3.connect(home / "store.sqlite") as database:
        database.execute("update nodes set token = 3")
    done = smoketest("doctor", "--store", "--home", home, "--json")
    assert json.loads(done.stdout) == {
        "ok": False,
        "violations": ["n01 is at token 3 after 0 leases, the last under 0"],
    }
    assert done.returncode == 2


def test_a_home_without_a_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = smoketest("doctor", "--store", "--home", home)
    assert done.returncode == 2
    assert f"nothing was ever run on {home}; name another folder with --home" in done.stderr
    assert not home.exists()


def test_a_store_that_is_none_is_told(home: Path) -> None:
    (home / "store.sqlite").write_text("this is no database, and long enough to be seen as none")
    done = smoketest("doctor", "--store", "--home", home)
    assert done.returncode not in {0, 2}
    assert "could not be looked into" in done.stderr
    assert "bring it back from a backup" in done.stderr
    assert "doctor" not in done.stderr


@pytest.mark.skipif(not postgres.binaries(), reason="no PostgreSQL server is installed")
def test_a_store_on_postgresql_is_looked_into_as_well(tmp_path: Path) -> None:
    with postgres.shared().database() as url:
        Home(folder=tmp_path).keep_store(url)
        empty = smoketest("doctor", "--store", "--home", tmp_path)
        assert empty.returncode not in {0, 2}
        assert "does not exist; is this where smoketest keeps its store" in empty.stderr
        store = open_store(url)
        store.nodes.enrol([Enrolled(name="n01", capabilities=frozenset())], datetime.now(UTC))
        store.database.close()
        assert smoketest("doctor", "--store", "--home", tmp_path).returncode == 0
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("update nodes set token = 3")
        done = smoketest("doctor", "--store", "--home", tmp_path)
        assert done.returncode == 2
        assert done.stdout == "n01 is at token 3 after 0 leases, the last under 0\n"

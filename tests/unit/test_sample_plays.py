"""The plays that deploy, collect and wipe the sample product, run by ansible-playbook."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.sample_cloud import ROOT, Place, checkout, git, passed, place, smoke

PLAYBOOKS = ROOT / "playbooks"
COOKIE = "SMOKETEST_NODE"


@dataclass
class Node:
    """Machines in one folder, the first of them the control, and an attempt's folder."""

    folder: Path
    spots: tuple[Place, ...]
    archive: Path
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    cookie: str = field(default_factory=lambda: secrets.token_hex(8))
    said: str = ""

    def play(self, book: str, *options: str) -> dict[str, int]:
        """Run a play; return its recap: how many tasks were ok, changed, failed, ..."""
        self.attempt.mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps(self._inventory()))
        command = [sys.executable, "-m", "ansible.cli.playbook", "-i", str(inventory), *options]
        done = subprocess.run(
            [*command, str(PLAYBOOKS / book)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder / "home"),
                "ANSIBLE_PIPELINING": "1",
                COOKIE: self.cookie,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said = done.stdout + done.stderr
        recap = self.said.partition("PLAY RECAP")[2]
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}

    @property
    def attempt(self) -> Path:
        return self.folder / "attempt"

    @property
    def stratus(self) -> Path:
        return self.folder / "home" / "n01"

    def processes(self) -> list[int]:
        """Return what runs on the machine: whatever inherited its cookie."""
        wanted = f"{COOKIE}={self.cookie}".encode()
        found = (path for path in Path("/proc").iterdir() if path.name.isdecimal())
        return [int(path.name) for path in found if wanted in _environ(path)]

    def _inventory(self) -> object:
        hosts = {
            f"n{number:02d}": {
                "ansible_host": spot.address,
                "stratus_home": f"$HOME/n{number:02d}",
                "hypervisor": "vmware",
                "zone": f"zone-{number}",
            }
            for number, spot in enumerate(self.spots, start=1)
        }
        told = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "attempt_dir": str(self.attempt),
            "product_archive": str(self.archive),
            "product_commit": "1a2b3c4d5e+6f7a8b",
            "network_model": "vlan",
            "admin_password": self.password,
            "arch": "vmware-vlan",
        }
        groups = {
            "control": {"hosts": {"n01": {}}},
            "compute": {"hosts": {name: {} for name in hosts}},
        }
        return {"all": {"hosts": hosts, "vars": told, "children": groups}}


def _environ(path: Path) -> bytes:
    try:
        return (path / "environ").read_bytes()
    except OSError:
        return b""


def pack(folder: Path, branch: str) -> Path:
    archive = folder / f"{branch}.tar.gz"
    git(checkout(folder, branch), "archive", "--format=tar.gz", f"--output={archive}", "HEAD")
    return archive


@pytest.fixture
def spot() -> Iterator[Place]:
    with place() as found:
        yield found


def test_every_play_can_be_read() -> None:
    books = sorted(str(path) for path in PLAYBOOKS.glob("*.yml"))
    assert len(books) == 8
    command = [sys.executable, "-m", "ansible.cli.playbook", "--syntax-check", "-i", "localhost,"]
    done = subprocess.run([*command, *books], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_from_a_fresh_machine_to_a_wiped_one(tmp_path: Path, spot: Place) -> None:
    node = Node(tmp_path / "n", (spot,), pack(tmp_path, "trunk"))

    assert node.play("site.yml", "--check")["failed"] == 0, node.said
    assert not node.stratus.exists()

    recap = node.play("site.yml")
    assert (recap["failed"], recap["changed"]) == (0, 6), node.said
    assert len(node.processes()) == 3, node.said
    assert (node.attempt / "clouds.yaml").stat().st_mode & 0o777 == 0o600
    assert passed(smoke(node.attempt, "two_nics")) == {"test_two_nics"}

    recap = node.play("deploy.yml", "-v")
    assert (recap["failed"], recap["changed"]) == (0, 0), node.said
    assert node.password not in node.said

    os.kill(int((node.stratus / "agent.pid").read_text()), 9)
    assert node.play("deploy.yml")["changed"] == 1, node.said
    assert len(node.processes()) == 3

    assert node.play("collect.yml")["failed"] == 0
    logs = node.attempt / "logs" / "n01"
    assert {path.name for path in logs.iterdir()} == {
        "api.log",
        "agent.log",
        "hypervisor.log",
        "1.vmware",
    }
    assert "POST /compute/v2.1/servers 202" in (logs / "api.log").read_text()

    assert node.play("wipe.yml")["failed"] == 0
    assert not node.stratus.exists()
    assert node.processes() == []


def test_a_service_that_dies_is_the_products_fault_in_its_own_words(
    tmp_path: Path, spot: Place
) -> None:
    node = Node(tmp_path / "n", (spot,), pack(tmp_path, "does-not-start"))
    recap = node.play("deploy.yml", "-v")
    assert recap["failed"] == 1
    assert node.said.rindex("TASK [api : product: start the API]") > node.said.rindex("unpack")
    why = "cannot start: migration 002_launched.sql failed: no such table: instance"
    assert f"ERROR stratus.api [-] {why}" in node.said
    assert "stratus.api ended with status 1 as it started" in node.said
    assert node.password not in node.said
    assert not (node.attempt / "clouds.yaml").exists()
    assert node.processes() == []
    assert node.play("collect.yml")["failed"] == 0
    assert [path.name for path in (node.attempt / "logs" / "n01").iterdir()] == ["api.log"]


def test_a_broken_archive_is_not_the_products_fault(tmp_path: Path, spot: Place) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"half an archive")
    node = Node(tmp_path / "n", (spot,), broken)
    assert node.play("deploy.yml")["failed"] == 1
    assert "TASK [product : unpack the product]" in node.said
    assert "TASK [api" not in node.said


def test_a_second_compute_host_joins_the_control(tmp_path: Path, spot: Place) -> None:
    with place() as other:
        node = Node(tmp_path / "n", (spot, other), pack(tmp_path, "trunk"))
        assert node.play("deploy.yml")["failed"] == 0, node.said
        assert len(node.processes()) == 5
        assert passed(smoke(node.attempt, "zone")) == {"test_every_zone_takes_a_server"}
        node.play("wipe.yml")
        assert node.processes() == []

"""The vSphere simulator, built from Debian's Go packages and asked by nova's own library."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.lab.vsphere import build

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(build.missing()), reason=build.missing()),
]
CLIENT = Path(__file__).with_name("vsphere_client.py")


@dataclass(frozen=True, kw_only=True)
class Center:
    """A simulator that answers, and who may log in."""

    at: str
    login: dict[str, str]


@pytest.fixture
def center(vsphere: build.Built) -> Iterator[Center]:
    login = {"VSPHERE_USER": "nova", "VSPHERE_PASSWORD": secrets.token_hex(8)}
    command = vsphere.command("127.0.0.1", 0)
    with subprocess.Popen(
        command, env={**os.environ, **login}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        word, _, at = process.stdout.readline().partition(" at ")
        assert word == "ready"
        yield Center(at=at.strip(), login=login)
        process.terminate()


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with oslo.vmware in it."""
    venv = tmp_path_factory.mktemp("oslo") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", build.DESCRIBED_BY[0]], check=True)
    return str(venv / "bin/python")


def test_nova_s_own_library_finds_what_its_driver_needs(center: Center, interpreter: str) -> None:
    done = subprocess.run(
        [interpreter, "-W", "ignore", str(CLIENT), center.at],
        env={**os.environ, **center.login},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": "6.5",
        "extension": [True, "org.openstack.compute"],
        "datastore": ["VMFS", "normal"],
        "cluster": ["DC0_C0", 2],
        "files": [
            ["a-flat.vmdk", "VmDiskFileInfo"],
            ["a.vmdk", "VmDiskFileInfo"],
            ["b-flat.vmdk", "VmDiskFileInfo"],
            ["b.vmdk", "VmDiskFileInfo"],
        ],
        "cards": [
            ["network-0", "fa:16:3e:00:00:00", "port-0"],
            ["network-1", "fa:16:3e:00:00:01", "port-1"],
            [1, 0],
            0,
        ],
    }


def test_a_wrong_password_and_a_missing_one_are_refused(center: Center, interpreter: str) -> None:
    wrong = {**os.environ, **center.login, "VSPHERE_PASSWORD": "another"}
    argv = [interpreter, "-W", "ignore", str(CLIENT), center.at]
    done = subprocess.run(argv, env=wrong, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "InvalidLogin" in done.stderr


def test_it_does_not_start_without_a_login(vsphere: build.Built) -> None:
    bare = {"PATH": os.environ["PATH"]}
    command = vsphere.command("127.0.0.1", 0)
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "VSPHERE_USER and VSPHERE_PASSWORD say who may log in" in done.stderr

"""vSphere: the driver, by VMware's own client, on the simulator from Debian's govmomi."""

import os
import secrets
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.hypervisor import vsphere as driver
from orchestrator.drivers.hypervisor.vsphere import VsphereHypervisor
from orchestrator.lab.vsphere import build
from orchestrator.model.errors import ConfigError, Unreachable
from orchestrator.model.hypervisor import Login, StrayKind
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from tests.contract.vsphere_needs import NEEDS

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(build.missing()), reason=build.missing()),
]


def soon() -> Deadline:
    return Deadline(SystemClock(), 120)


@pytest.fixture(scope="module")
def login(vsphere: build.Built) -> Iterator[Login]:
    password = secrets.token_hex(8)
    told = {"VSPHERE_USER": "root", "VSPHERE_PASSWORD": password}
    with subprocess.Popen(
        vsphere.command("127.0.0.1", 0),
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().partition(" at ")[2].strip().partition(":")
        shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))
        yield Login(
            address=host,
            port=int(port),
            user="root",
            password=Secret(password),
            certificate=sha256(shown).hexdigest(),
            node="n07",
        )
        process.terminate()


def made(login: Login, name: str) -> None:
    """Make a virtual machine, running, as a branch might leave one."""
    with driver._session(login, soon()) as content:
        datacenter = content.rootFolder.childEntity[0]
        pool = driver._all(content, vim.ResourcePool)[0]
        store = driver._all(content, vim.Datastore)[0]
        files = vim.vm.FileInfo(vmPathName=f"[{store.name}]")
        size = {"memoryMB": 64, "numCPUs": 1, "guestId": "otherGuest"}
        spec = vim.vm.ConfigSpec(name=name, files=files, **size)
        task = datacenter.vmFolder.CreateVM_Task(spec, pool)
        WaitForTask(task)
        WaitForTask(task.info.result.PowerOnVM_Task())


def test_what_answers_is_told(login: Login) -> None:
    about = VsphereHypervisor().about(login, soon())
    assert about.product.startswith("VMware vCenter Server")
    assert about.capabilities == ("VirtualCenter", "2 hosts")


def test_what_a_branch_left_is_found_and_removed_once_and_again(login: Login) -> None:
    before = VsphereHypervisor().strays(login, soon())
    made(login, "left")
    found = [s for s in VsphereHypervisor().strays(login, soon()) if s not in before]
    assert [(stray.kind, stray.name) for stray in found] == [(StrayKind.GUEST, "left")]
    for stray in (*found, *found):
        VsphereHypervisor().remove(login, stray, soon())
    assert VsphereHypervisor().strays(login, soon()) == before


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.__name__)
def test_what_the_client_needs_of_our_own_simulator_govmomi_s_does_too(
    login: Login, need: Callable[[Any], None]
) -> None:
    with driver._session(login, soon()) as content:
        need(content)


def test_a_wrong_password_and_another_certificate(login: Login) -> None:
    with pytest.raises(ConfigError, match="refused our login by vSphere"):
        VsphereHypervisor().about(replace(login, password=Secret("wrong")), soon())
    with pytest.raises(Unreachable, match="another certificate"):
        VsphereHypervisor().about(replace(login, certificate="00" * 32), soon())

"""vSphere: the driver's law, and what the real client's documented calls need of the simulator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from orchestrator.drivers.hypervisor import vsphere as driver
from orchestrator.drivers.hypervisor.vsphere import VsphereHypervisor
from orchestrator.lab.hypervisors.served import Fault
from orchestrator.lab.hypervisors.vsphere import Esxi
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import StrayKind
from orchestrator.model.secret import Secret
from tests.contract import hypervisor_host
from tests.contract.hypervisor_host import hosted, soon
from tests.contract.vsphere_needs import NEEDS, created, group, spec

Host = hypervisor_host.Host[Esxi]


@pytest.fixture
def host() -> Iterator[Host]:
    with hosted(lambda password: Esxi(password=password), "root", "n07") as found:
        yield found


def test_what_answers_is_told(host: Host) -> None:
    about = VsphereHypervisor().about(host.login, soon())
    assert about.product.startswith("VMware ESXi 8.0.2 build-")
    assert (about.version, about.capabilities) == ("8.0.2", ("HostAgent", "1 hosts"))


def test_what_a_branch_left_is_found_and_removed_once_and_again(host: Host) -> None:
    assert VsphereHypervisor().strays(host.login, soon()) == ()
    with driver._session(host.login, soon()) as content:
        group(content, "vlan100")
        WaitForTask(created(content, spec(content, "guest", "vlan100")).PowerOnVM_Task())
        stores = driver._all(content, vim.HostSystem)[0].configManager.datastoreSystem
        stores.CreateNasDatastore(
            vim.host.NasVolume.Specification(
                remoteHost="nfs", remotePath="/srv", localPath="shared", accessMode="readWrite"
            )
        )
    strays = VsphereHypervisor().strays(host.login, soon())
    assert {(stray.kind, stray.name) for stray in strays} == {
        (StrayKind.GUEST, "guest"),
        (StrayKind.NETWORK, "vlan100"),
        (StrayKind.STORE, "shared"),
    }
    for stray in [*strays, *strays]:
        VsphereHypervisor().remove(host.login, stray, soon())
    assert VsphereHypervisor().strays(host.login, soon()) == ()


def test_a_wrong_password_is_ours_to_mend(host: Host) -> None:
    wrong = replace(host.login, password=Secret("wrong"))
    with pytest.raises(ConfigError, match="refused our login by vSphere") as refused:
        VsphereHypervisor().about(wrong, soon())
    assert "wrong" not in str(refused.value)


def test_another_certificate_is_told_nothing(host: Host) -> None:
    other = replace(host.login, certificate="00" * 32)
    with pytest.raises(Unreachable, match="another certificate"):
        VsphereHypervisor().about(other, soon())


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HANGS_UP, Fault.GARBLES])
def test_no_answer_of_the_protocol_is_unreachable(host: Host, fault: Fault) -> None:
    host.desk.fault = fault
    with pytest.raises(Unreachable, match="does not answer by vSphere"):
        VsphereHypervisor().about(host.login, soon())
    host.desk.fault = Fault.NONE
    assert VsphereHypervisor().about(host.login, soon()).version == "8.0.2"


def test_a_host_that_is_starting_is_the_labs_fault(host: Host) -> None:
    host.desk.fault = Fault.STARTING
    with pytest.raises(InfraError, match="management agent is starting"):
        VsphereHypervisor().about(host.login, soon())


def test_a_slow_host_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ANSWER_SECONDS", 1)
    host.desk.fault = Fault.SLOW
    with pytest.raises(Unreachable, match="timed out"):
        VsphereHypervisor().about(host.login, soon())


# What the client's documentation has it do, and what a vSphere answers.


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.__name__)
def test_what_the_client_needs(host: Host, need: Callable[[Any], None]) -> None:
    with driver._session(host.login, soon()) as content:
        need(content)


@dataclass(frozen=True, kw_only=True)
class Room:
    """A session with a machine that is off, on a network."""

    content: Any
    machine: Any
    networks: Any


FAULTS: dict[type[Exception], Callable[[Room], object]] = {
    vim.fault.DuplicateName: lambda r: created(r.content, spec(r.content, "there")),
    vim.fault.InvalidPowerState: lambda r: WaitForTask(r.machine.PowerOffVM_Task()),
    vim.fault.InvalidDeviceSpec: lambda r: created(
        r.content, spec(r.content, "x", "vlan100", macAddress="nonsense")
    ),
    vim.fault.CannotAccessNetwork: lambda r: created(r.content, spec(r.content, "x", "nowhere")),
    vim.fault.AlreadyExists: lambda r: group(r.content, "vlan100"),
    vim.fault.ResourceInUse: lambda r: r.networks.RemovePortGroup("vlan100"),
    vim.fault.NotFound: lambda r: r.networks.RemovePortGroup("nowhere"),
    vmodl.fault.NotSupported: lambda r: r.machine.CreateSnapshot_Task("s", "", False, False),
    vmodl.fault.ManagedObjectNotFound: lambda r: vim.VirtualMachine("9", r.machine._stub).config,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_it_refuses_by_the_faults_that_clients_act_on(host: Host, fault: type[Exception]) -> None:
    with driver._session(host.login, soon()) as content:
        networks = group(content, "vlan100")
        machine = created(content, spec(content, "there", "vlan100"))
        with pytest.raises(fault):
            FAULTS[fault](Room(content=content, machine=machine, networks=networks))


def test_a_session_that_ended_is_told(host: Host) -> None:
    with driver._session(host.login, soon()) as content:
        host.simulator._sessions.clear()
        with pytest.raises(vim.fault.NotAuthenticated):
            content.rootFolder.childEntity  # noqa: B018  # it is asked for

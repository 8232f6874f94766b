"""XAPI: the driver's law, and what the real client's documented calls need of the simulator."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import XenAPI

from orchestrator.drivers.hypervisor import xapi as driver
from orchestrator.drivers.hypervisor.pinned import PinnedTransport
from orchestrator.drivers.hypervisor.xapi import XapiHypervisor
from orchestrator.lab.hypervisors.served import Fault
from orchestrator.lab.hypervisors.xapi import Xapi
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import StrayKind
from orchestrator.model.secret import Secret
from tests.contract import hypervisor_host
from tests.contract.hypervisor_host import hosted, soon

VM = {
    "name_label": "guest",
    "memory_static_max": "268435456",
    "VCPUs_max": "1",
    "PV_args": "",
    "other_config": {},
}


Host = hypervisor_host.Host[Xapi]


@pytest.fixture
def host() -> Iterator[Host]:
    with hosted(lambda password: Xapi(password=password), "root", "n03") as found:
        yield found


def session(host: Host) -> Any:  # noqa: ANN401  # XenAPI has no types
    """The real client's own session, logged in."""
    url = f"https://{host.login.address}:{host.login.port}"
    made = XenAPI.Session(url, PinnedTransport(host.login, 20))
    made.login_with_password("root", host.login.password.reveal(), "1.0", "test")
    return made.xenapi


def test_what_answers_is_told(host: Host) -> None:
    about = XapiHypervisor().about(host.login, soon())
    assert (about.product, about.version) == ("XCP-ng", "8.2.1")
    assert "xen-3.0-x86_64" in about.capabilities


def test_what_a_branch_left_is_found_and_removed_once_and_again(host: Host) -> None:
    assert XapiHypervisor().strays(host.login, soon()) == ()
    api = session(host)
    vm = api.VM.create(VM)
    api.VM.start(vm, False, False)
    network = api.network.create({"name_label": "vlan100", "other_config": {}})
    api.VIF.create(card(vm, network))
    store = api.SR.create(api.host.get_all()[0], {}, "0", "nfs", "", "nfs", "", True, {})
    strays = XapiHypervisor().strays(host.login, soon())
    assert {(s.kind, s.name, s.ref) for s in strays} == {
        (StrayKind.GUEST, "guest", vm),
        (StrayKind.NETWORK, "vlan100", network),
        (StrayKind.STORE, "nfs", store),
    }
    for stray in [*strays, *strays]:
        XapiHypervisor().remove(host.login, stray, soon())
    assert XapiHypervisor().strays(host.login, soon()) == ()


def card(vm: str, network: str, mac: str = "52:54:00:00:00:09", device: str = "0") -> Any:  # noqa: ANN401
    return {
        "VM": vm,
        "network": network,
        "device": device,
        "MAC": mac,
        "MTU": "1500",
        "other_config": {},
    }


def test_a_wrong_password_is_ours_to_mend(host: Host) -> None:
    wrong = replace(host.login, password=Secret("wrong"))
    with pytest.raises(ConfigError, match="refused our login by XAPI") as refused:
        XapiHypervisor().about(wrong, soon())
    assert "wrong" not in str(refused.value)


def test_another_certificate_is_told_nothing(host: Host) -> None:
    other = replace(host.login, certificate="00" * 32)
    with pytest.raises(Unreachable, match="another certificate"):
        XapiHypervisor().about(other, soon())


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HANGS_UP, Fault.GARBLES])
def test_no_answer_of_the_protocol_is_unreachable(host: Host, fault: Fault) -> None:
    host.desk.fault = fault
    with pytest.raises(Unreachable, match="does not answer by XAPI"):
        XapiHypervisor().about(host.login, soon())
    host.desk.fault = Fault.NONE
    assert XapiHypervisor().about(host.login, soon()).product == "XCP-ng"


def test_a_host_that_is_starting_is_the_labs_fault(host: Host) -> None:
    host.desk.fault = Fault.STARTING
    with pytest.raises(InfraError, match="HOST_STILL_BOOTING"):
        XapiHypervisor().about(host.login, soon())


def test_a_slow_host_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ANSWER_SECONDS", 0.2)
    host.desk.fault = Fault.SLOW
    with pytest.raises(Unreachable, match="timed out"):
        XapiHypervisor().about(host.login, soon())


# What the client's documentation has it do, and what a XAPI answers.


def test_a_guest_is_made_started_read_back_and_destroyed(host: Host) -> None:
    api = session(host)
    vm = api.VM.create(VM)
    network = api.network.get_by_name_label("Pool-wide network associated with eth0")[0]
    vif = api.VIF.create(card(vm, network))
    sr = api.SR.get_by_name_label("Local storage")[0]
    vdi = api.VDI.create(
        {
            "name_label": "disk",
            "SR": sr,
            "virtual_size": "1048576",
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
        }
    )
    vbd = api.VBD.create(
        {
            "VM": vm,
            "VDI": vdi,
            "userdevice": "0",
            "bootable": True,
            "mode": "RW",
            "type": "Disk",
            "other_config": {},
        }
    )
    api.VM.start(vm, False, False)
    record = api.VM.get_record(vm)
    assert (record["power_state"], record["VIFs"], record["VBDs"]) == ("Running", [vif], [vbd])
    assert api.VIF.get_MAC(vif) == "52:54:00:00:00:09"
    assert api.VM.get_by_name_label("guest") == [vm]
    api.VM.hard_shutdown(vm)
    api.VM.destroy(vm)
    assert (api.VM.get_by_name_label("guest"), api.VIF.get_all()) == ([], [])


Calls = Any
CODES: dict[str, Calls] = {
    "HANDLE_INVALID": lambda r: r.api.VM.start("OpaqueRef:none", False, False),
    "VM_BAD_POWER_STATE": lambda r: r.api.VM.hard_shutdown(r.vm),
    "MAC_INVALID": lambda r: r.api.VIF.create(card(r.vm, r.network, mac="525400000009")),
    "DEVICE_ALREADY_EXISTS": lambda r: [r.api.VIF.create(card(r.vm, r.network)) for _ in range(2)],
    "FIELD_TYPE_ERROR": lambda r: r.api.VM.create({"name_label": "x"}),
    "MESSAGE_METHOD_UNKNOWN": lambda r: r.api.VM.teleport(r.vm),
}


@dataclass(frozen=True, kw_only=True)
class Room:
    """A session with a guest that is off, and a network."""

    api: Any
    vm: str
    network: str


@pytest.mark.parametrize("code", CODES)
def test_it_refuses_by_the_codes_that_clients_act_on(host: Host, code: str) -> None:
    api = session(host)
    room = Room(api=api, vm=api.VM.create(VM), network=api.network.get_all()[0])
    with pytest.raises(XenAPI.Failure) as refused:
        CODES[code](room)
    assert refused.value.details[0] == code


def test_a_session_that_ended_is_renewed_by_the_client(host: Host) -> None:
    api = session(host)
    host.simulator._sessions.clear()
    assert len(api.host.get_all()) == 1, "the client logs in again when told SESSION_INVALID"

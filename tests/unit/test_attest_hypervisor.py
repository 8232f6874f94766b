"""A hypervisor that was just installed is asked by its own interface whether it is as new."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.hypervisor.xapi import XapiHypervisor
from orchestrator.lab.hypervisors.served import Desk, Fault, Served, serving
from orchestrator.lab.hypervisors.xapi import Xapi
from orchestrator.model import hypervisor
from orchestrator.model.arch import Role
from orchestrator.model.errors import InfraError, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.hypervisor import FACES
from orchestrator.model.node import Access
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.stages import collect, release
from tests.unit import attest_rack
from tests.unit.attest_rack import Rack, racked


class PasswordShell:
    """A machine that prints the password that it gave itself, and knows no other command."""

    def __init__(self, password: str) -> None:
        self._password = password

    def run(self, _access: Access, _key: str, command: str, _deadline: Deadline) -> str:
        """Return what the command prints."""
        assert command == FACES["xenserver"].password
        return self._password


@pytest.fixture
def simulator() -> Xapi:
    return Xapi(password=Secret(secrets.token_hex(8)))


@pytest.fixture
def desk(simulator: Xapi) -> Desk:
    return simulator.desk()


@pytest.fixture
def rack(
    tmp_path: Path, simulator: Xapi, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rack]:
    with racked(tmp_path) as found, serving(desk) as at:
        yield installed(found, simulator, at, monkeypatch)


def installed(found: Rack, simulator: Xapi, at: Served, patch: pytest.MonkeyPatch) -> Rack:
    """The rack's machine as a XenServer whose interface the simulator plays."""
    face = replace(FACES["xenserver"], port=at.port)
    patch.setattr(hypervisor, "FACES", {"xenserver": face})
    patch.setattr("orchestrator.ports.kit.FACES", {"xenserver": face})
    access = replace(attest_rack.ACCESS, address=at.address, certificate=at.certificate)
    patch.setattr(attest_rack, "ACCESS", access)
    settings = (("hypervisor", "xenserver"),)
    patch.setattr(attest_rack, "Role", lambda **given: Role(**{**given, "settings": settings}))
    shell = PasswordShell(simulator.password.reveal())
    kit = replace(found.kit, shell=shell, sessions={"xenserver": XapiHypervisor()})
    found.kit = kit
    return found


def test_what_answers_is_told_and_remembered(rack: Rack) -> None:
    checked, attested = rack.attest()
    assert (checked.kind, attested.kind) == (Kind.CHECKED, Kind.ATTESTED)
    assert checked.text.startswith("XCP-ng 8.2.1 answers, with nothing on it")
    assert dict(rack.store.attestations.all()[0].newest.facts)["kernel"] == "8.2.1"
    done = Event(kind=Kind.ATTESTED, stage=Stage.ATTEST, node="n1")
    assert rack.attest(done) == []


def left(simulator: Xapi) -> None:
    """Have what a branch may leave: a guest, and a mounted store."""
    guest = {"name_label": "old", "power_state": "Running", "VIFs": [], "VBDs": []}
    kinds = dict.fromkeys(("is_control_domain", "is_a_template", "is_a_snapshot"), False)
    simulator._add("VM", {**guest, **kinds})
    simulator._add("SR", {"name_label": "shared", "type": "nfs", "other_config": {}})


def test_what_the_product_left_is_told_and_cleared_away(rack: Rack, simulator: Xapi) -> None:
    task, soon = rack.task(), Deadline(rack.clock, 300)
    assert list(collect._left(task, rack.kit, soon)) == []
    assert list(release._cleared(task, rack.kit, soon)) == []
    left(simulator)
    (told,) = collect._left(task, rack.kit, soon)
    assert told.text == "the product left on n1: guest old, datastore shared"
    (cleared,) = release._cleared(task, rack.kit, soon)
    assert cleared.text == "cleared off n1: guest old, datastore shared"
    assert list(collect._left(task, rack.kit, soon)) == []


def test_a_hypervisor_that_does_not_answer_keeps_no_machine(rack: Rack, desk: Desk) -> None:
    desk.fault = Fault.HANGS_UP
    task, soon = rack.task(), Deadline(rack.clock, 300)
    (told,) = collect._left(task, rack.kit, soon)
    (kept,) = release._cleared(task, rack.kit, soon)
    assert told.text.startswith("nobody knows what is left on n1: n1:")
    assert kept.text.startswith("n1 was not cleared: n1:")
    assert {told.kind, kept.kind} == {Kind.NOTE}


def test_a_guest_on_it_means_that_it_was_not_installed(rack: Rack, simulator: Xapi) -> None:
    left(simulator)
    with pytest.raises(InfraError, match="n1 has guest old, datastore shared after its install"):
        rack.attest()


def test_another_certificate_than_it_called_home_with(
    rack: Rack, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(attest_rack.ACCESS, certificate="0" * 64)
    monkeypatch.setattr(attest_rack, "ACCESS", other)
    with pytest.raises(Unreachable, match="another certificate"):
        rack.attest()


def test_a_product_version_that_changed_is_told(rack: Rack, simulator: Xapi) -> None:
    rack.attest()
    host = next(iter(simulator.tables["host"].values()))
    host["software_version"]["product_version"] = "8.3.0"
    with pytest.raises(InfraError, match=r"8\.3\.0"):
        rack.attest()

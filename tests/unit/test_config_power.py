"""lab.toml: Redfish and power strips."""

import secrets
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from orchestrator.config import labfile as config
from orchestrator.drivers.power import pdu, redfish
from orchestrator.model.errors import ConfigError
from tests.unit.test_config import ENVIRONMENT, LAB
from tests.unit.test_config import lab as lab  # a fixture


def test_redfish_has_its_own_port_and_manners(lab: Path) -> None:
    (lab.parent / "bmcs.pem").touch()
    lab.write_text(
        LAB.replace("port = 623\n", "")
        .replace("ssh_port = 22", 'power = "redfish"')
        .replace(
            "power.ipmi]\ngap = 2.5", "power.redfish]\ncertificates = 'bmcs.pem'\nplain = true"
        )
    )
    read = config.load(lab)
    assert read.nodes[0].bmc.port == 443
    assert read.nodes[1].bmc.port == 623
    # One chassis may serve several machines; they are told apart by their network cards.
    lab.write_text(
        lab.read_text()
        .replace('"2001:db8::2"', '"10.20.1.11"')
        .replace('provenance = "emulated"', 'power = "redfish"')
    )
    first, second = config.load(lab).nodes
    assert (first.bmc.address, first.bmc.port) == (second.bmc.address, second.bmc.port)
    made = redfish.Manners(**asdict(read.manners.redfish))
    usual = redfish.Manners()
    assert made == replace(usual, certificates=str(lab.parent / "bmcs.pem"), plain=True)


def test_the_usual_manners_are_those_of_the_drivers() -> None:
    usual = config.Manners()
    assert redfish.Manners(**asdict(usual.redfish)) == redfish.Manners()
    assert pdu.Manners(**asdict(usual.pdu)) == pdu.Manners()


def test_a_power_strip_is_read_with_its_secret(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    community = secrets.token_hex(8)
    monkeypatch.setenv("LAB_TEST_PDU", community)
    strip = "{ address = '10.20.2.5', community = 'env:LAB_TEST_PDU', outlets = ['7', '8'] }"
    lab.write_text(LAB.replace("ssh_port = 22", f"pdu = {strip}"))
    first, second = config.load(lab).nodes
    assert first.pdu
    assert (first.pdu.address, first.pdu.port, first.pdu.outlets) == ("10.20.2.5", 161, ("7", "8"))
    assert first.pdu.community.reveal() == community
    assert community not in repr(first)
    assert second.pdu is None


def test_an_outlet_feeds_one_machine(lab: Path) -> None:
    strip = f"{{ address = '10.20.2.5', community = {ENVIRONMENT}, outlets = ['7'] }}"
    text = LAB.replace("ssh_port = 22", f"pdu = {strip}")
    lab.write_text(text.replace('provenance = "emulated"', f"pdu = {strip}"))
    with pytest.raises(ConfigError) as caught:
        config.load(lab)
    sentence = "outlet 10.20.2.5:161:7 is given to another node on line 26; mend one"
    assert str(caught.value) == f"{lab}:36: {sentence}"

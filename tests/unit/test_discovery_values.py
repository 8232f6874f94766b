"""Address ranges, what is printed of what was found, and text that a stranger sent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli import found
from orchestrator.config.labfile import load
from orchestrator.drivers.discovery.text import clean, mac
from orchestrator.model import toml
from orchestrator.model.discovery import (
    MOST_ADDRESSES,
    Finding,
    IpmiFound,
    LoginState,
    Machine,
    RedfishFound,
    addresses,
)
from orchestrator.model.errors import ConfigError

IPMI = IpmiFound(port=623, version="2.0", auth=("rmcp+",), login=LoginState.WELCOME)
MACHINE = Machine(
    power="on", serial="S1", maker="Acme", model="R2", macs=("52:54:00:00:00:01",), guid="ab-cd"
)
FINDING = Finding(address="10.20.1.11", ipmi=IPMI, machines=(MACHINE,))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.7", ["10.0.0.7"]),
        ("10.0.0.7/32", ["10.0.0.7"]),
        ("10.0.0.8/30", ["10.0.0.9", "10.0.0.10"]),
        ("10.0.0.6/31", ["10.0.0.6", "10.0.0.7"]),
        ("10.0.0.9-10.0.0.11", ["10.0.0.9", "10.0.0.10", "10.0.0.11"]),
        ("10.0.0.9-11", ["10.0.0.9", "10.0.0.10", "10.0.0.11"]),
        ("10.0.0.255 - 10.0.1.1", ["10.0.0.255", "10.0.1.0", "10.0.1.1"]),
    ],
)
def test_ranges(text: str, wanted: list[str]) -> None:
    assert list(addresses((text,))) == wanted
    assert list(addresses((text, text))) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.0/8", "at most 65,536"),
        ("10.0.0.0-10.1.0.0", "65,537 addresses"),
        ("10.0.0.9-10.0.0.2", "ends before it begins"),
        ("fe80::1", "no range of IPv4"),
        ("10.0.0.256", "no range of IPv4"),
        ("rack-2", "no range of IPv4"),
        ("10.0.0.0/33", "no range of IPv4"),
        ("", "no range of IPv4"),
        ("10.0.0.1-", "no range of IPv4"),
    ],
)
def test_what_is_no_range_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        addresses((text,))


def test_the_largest_search() -> None:
    assert len(addresses(("10.0.0.0-10.0.255.255",))) == MOST_ADDRESSES


@given(st.text())
def test_a_range_or_a_sentence(text: str) -> None:
    try:
        found = addresses((text,))
    except ConfigError:
        return
    assert all(address.count(".") == 3 for address in found)


@given(st.text())
def test_a_strangers_text_is_one_short_line(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) <= 64


def test_mac_addresses() -> None:
    assert mac("52-54-00-AB-00-01") == "52:54:00:ab:00:01"
    assert mac("00:00:00:00:00:00") == ""
    assert mac("52:54:00") == mac(None) == ""


def tables(*findings: Finding, user: str = "ada", reference: str = "env:PW") -> str:
    return "\n".join(found.tables(findings, user, reference))


def test_toml_that_only_lacks_what_people_know(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "made up")
    text = tables(FINDING)
    assert "made up" not in text
    lab = tmp_path / "lab.toml"  # type: ignore[operator]
    lab.write_text(text)
    with pytest.raises(ConfigError, match=r"lab\.toml:\d+: .*`FILL_IN`"):
        load(lab)
    lab.write_text(text.replace('address = "FILL_IN"', 'address = "10.20.0.11"'))
    (node,) = load(lab).nodes
    assert (node.mac, node.bmc.address, node.bmc.user) == (MACHINE.macs[0], "10.20.1.11", "ada")
    assert node.bmc.password.reveal() == "made up"


def test_toml_of_bmcs_that_told_less_or_more() -> None:
    plain = tables(Finding(address="10.0.0.2", ipmi=IPMI), user="", reference="")
    assert 'mac = "FILL_IN"' in plain
    assert 'password = "env:FILL_IN"' in plain
    web = RedfishFound(port=443, encrypted=True, version="1.6.0", login=LoginState.DENIED)
    blades = Finding(address="10.0.0.3", redfish=web, machines=(MACHINE, MACHINE), nodes=("n7",))
    text = tables(blades)
    assert 'name = "bmc-10-0-0-3-1"' in text
    assert 'name = "bmc-10-0-0-3-2"' in text
    assert text.count('power = "redfish"') == 2
    assert text.count("port = 443") == 2
    assert "FILL_IN: the BMC refused this one" in text
    assert "the running lab has it already, as n7" in text


def test_a_hostile_bmc_cannot_write_toml() -> None:
    evil = replace(MACHINE, model=clean('x"\n[lab]\ntrust_code = true #'))
    text = tables(replace(FINDING, machines=(evil,)))
    assert not any(line.strip() == "[lab]" for line in text.splitlines())
    parsed = toml.parse("x", text.replace('"FILL_IN"', '"10.0.0.1"'))
    parsed.table("nodes")


@pytest.mark.parametrize(
    ("state", "said", "wanted"),
    [
        (LoginState.WELCOME, "", "IPMI: ok"),
        (LoginState.DENIED, "", "IPMI: wrong user or password"),
        (LoginState.SILENT, "", "IPMI: silent: most meet an unknown user so"),
        (LoginState.FAILED, "Node busy", "IPMI: failed (Node busy)"),
        (LoginState.UNTRIED, "", "-"),
    ],
)
def test_what_became_of_the_login(state: LoginState, said: str, wanted: str) -> None:
    assert found.login(replace(FINDING, ipmi=replace(IPMI, login=state, said=said))) == wanted


def test_the_sentence_below_the_table() -> None:
    assert "No BMC answers at any of 1 address:" in found.summary([], 1, tried=False)
    assert "1 BMC of 254 addresses; all new" in found.summary([FINDING], 254, tried=False)
    known = replace(FINDING, nodes=("n1",))
    assert "none new" in found.summary([known], 254, tried=True)

"""Power through a switched strip, on a foreign SNMP agent (Debian's snmpd)."""

import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.pdu import Manners, PduPower
from orchestrator.model.errors import (
    Cancelled,
    ConfigError,
    PowerDenied,
    PowerError,
    PowerUnchanged,
)
from orchestrator.model.node import BootDevice
from orchestrator.ports.clock import Deadline
from tests.contract import rig as rigs
from tests.contract.power_law import within
from tests.contract.strips import Strip, needs_agent
from tests.contract.strips import strip as running

pytestmark = needs_agent

BRISK = Manners(gap=0, settle=1, rest=0)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strip]:
    with running(tmp_path_factory.mktemp("strip")) as strip:
        yield strip


@pytest.fixture
def strip(agent: Strip) -> Strip:
    agent.reset()
    return agent


@pytest.fixture
def power(children: WarmChildren) -> PduPower:
    return PduPower(children, BRISK)


@pytest.mark.parametrize("version", [1, 2])
def test_both_feeds_are_cut_and_fed(children: WarmChildren, strip: Strip, version: int) -> None:
    power = PduPower(children, replace(BRISK, version=version))
    node = strip.node("3", "7")
    assert power.is_on(node, within(10))
    for on in (False, False, True, True):
        power.set(node, within(10), on=on)
        assert (strip.feeds("3"), strip.feeds("7")) == (on, on)
        assert power.is_on(node, within(10)) is on
    told = ["outlet-3 off", "outlet-7 off", "outlet-3 on", "outlet-7 on"]
    assert strip.commands() == told
    assert strip.feeds("4")


def test_one_feed_of_two_still_feeds(power: PduPower, strip: Strip) -> None:
    node = strip.node("3", "7")
    power.set(strip.node("3"), within(10), on=False)
    assert power.is_on(node, within(10))
    power.set(node, within(10), on=False)
    assert strip.commands() == ["outlet-3 off", "outlet-7 off"]


def test_a_machine_rests_before_it_is_fed_again(children: WarmChildren, strip: Strip) -> None:
    manners = replace(BRISK, rest=1.5)
    first = PduPower(children, manners)
    node = strip.node("5")
    first.set(node, within(10), on=False)
    began = time.monotonic()
    time.sleep(0.5)
    first.set(node, within(10), on=True)
    assert 1.4 < time.monotonic() - began < 3
    first.set(node, within(10), on=False)
    began = time.monotonic()
    # One that was started since does not know when: the machine gets a whole rest.
    PduPower(children, manners).set(node, within(10), on=True)
    assert 1.5 < time.monotonic() - began < 3


def test_a_cancelled_attempt_does_not_feed(children: WarmChildren, strip: Strip) -> None:
    power = PduPower(children, replace(BRISK, rest=20))
    node = strip.node("5")
    power.set(node, within(10), on=False)
    began = time.monotonic()

    def guard() -> None:
        if time.monotonic() - began > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        power.set(node, Deadline(rigs.CLOCK, 30, guard), on=True)
    assert time.monotonic() - began < 2
    assert not strip.feeds("5")


def test_a_strip_sets_no_boot_device(power: PduPower, strip: Strip) -> None:
    with pytest.raises(PowerError, match=r"n03: .*sets no boot device.*network first in the boot"):
        power.boot_next(strip.node("5"), BootDevice.NETWORK, within(10))
    assert strip.commands() == []


def test_a_lying_strip_is_found_out(power: PduPower, strip: Strip) -> None:
    strip.fault("lying")
    with pytest.raises(
        PowerUnchanged, match=r"n03: .*\(outlet 3 and 7\) accepted 'power off' but .* on and on"
    ):
        power.set(strip.node("3", "7"), within(10), on=False)


def test_sentences_say_what_to_check(children: WarmChildren, strip: Strip) -> None:
    once = PduPower(children, replace(BRISK, tries=1))
    place = rf"n03: the power strip at 127\.0\.0\.1:{strip.port} \(outlet \d+\)"
    with pytest.raises(PowerError, match=f"{place} does not answer; .*community right") as silent:
        once.is_on(strip.node("5", community="wrong"), within(10))
    assert not isinstance(silent.value, PowerDenied)
    for version in (1, 2):
        power = PduPower(children, replace(BRISK, version=version))
        with pytest.raises(PowerDenied, match=f"{place} does not let us switch; give us a comm"):
            power.set(strip.node("5", community=strip.reader), within(10), on=False)
        with pytest.raises(PowerError, match=f"{place} has no such outlet: .*; mend `outlets`"):
            power.is_on(strip.node("12"), within(10))
    strip.fault("dazed")
    with pytest.raises(PowerError, match=f"{place} is not ready: outlet 5 reads 9, which is"):
        once.is_on(strip.node("5"), within(10))
    with pytest.raises(ConfigError, match=r"n03 hangs on no power strip"):
        once.is_on(replace(strip.node("5"), pdu=None), within(10))


def test_a_silent_strip_keeps_the_deadline(power: PduPower, strip: Strip) -> None:
    strip.stop()
    began = time.monotonic()
    try:
        with pytest.raises(PowerError, match="n03"):
            power.set(strip.node("5"), within(1.5), on=False)
    finally:
        strip.go_on()
    assert time.monotonic() - began < 2.5


def test_other_makes_have_other_numbers(children: WarmChildren, tmp_path: Path) -> None:
    column = "1.3.6.1.4.1.53535.2.1"
    manners = replace(BRISK, command=f"{column}.5", state=f"{column}.6")
    with running(tmp_path, manners) as other:
        power = PduPower(children, manners)
        power.set(other.node("2"), within(10), on=False)
        assert not other.feeds("2")


def test_nobody_sees_the_community(
    power: PduPower, strip: Strip, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    node = strip.node("5")
    strip.fault("dazed")
    with pytest.raises(PowerError) as failed:
        power.set(node, within(2), on=False)
    told = "".join(traceback.format_exception(failed.value))
    assert strip.community not in f"{told}{caplog.text}{node!r}{vars(power)!r}"

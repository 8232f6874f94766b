"""A lab whose machines hang on strips: what the history of an attempt says when one is used."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.config import labfile as config
from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.store.opened import Store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.wiring import power as wiring
from tests.contract import rig as rigs
from tests.contract.power_law import within
from tests.contract.storing import KINDS, NOW, PASSED, enrol, judge, start, stores
from tests.contract.strips import needs_agent, strip

store = pytest.fixture(params=KINDS)(stores)

MANNERS = config.Manners(
    ipmi=config.Ipmi(gap=0, patience=1, tries=1), pdu=config.Strips(gap=0, rest=0)
)


@needs_agent
def test_the_attempt_that_has_the_machine_tells_of_the_strip(store: Store, tmp_path: Path) -> None:
    children = WarmChildren()
    enrol(store, 1)
    attempt = start(store)
    begun = Event(kind=Kind.STARTED, stage=Stage.PROVISION)
    store.events.append(attempt, [begun], NOW)
    with strip(tmp_path) as agent:
        dead = replace(agent.node("7"), name="n0")
        dead = replace(dead, bmc=replace(dead.bmc, port=rigs.free_ports(1)[0]))
        lab = SimpleNamespace(nodes={"n0": dead}, manners=MANNERS)
        power = wiring.with_strips(wiring.drivers(children, lab), children, lab, store)
        power["ipmi"].set(dead, within(10), on=False)
        assert not agent.feeds("7")
        note = store.events.of(attempt)[-1]
        assert (note.kind, note.stage, note.node) == (Kind.NOTE, Stage.PROVISION, "n0")
        assert note.text.startswith("cut off at its power strip, since its BMC failed: n0: ")
        judge(store, attempt, PASSED)
        store.queue.release(attempt)
        told = store.events.of(attempt)
        power["ipmi"].set(dead, within(10), on=True)  # nobody has it: only the log is told
        assert store.events.of(attempt) == told
        assert agent.feeds("7")
    children.close()


def test_a_lab_without_strips_has_bare_drivers(store: Store) -> None:
    children = WarmChildren()
    with_none = SimpleNamespace(nodes={}, manners=MANNERS)
    bare = wiring.drivers(children, with_none)
    assert isinstance(bare["ipmi"], IpmiPower)
    assert wiring.with_strips(bare, children, with_none, store) == bare
    children.close()

"""A learned budget from end to end: a history in the store, a walk by the real stages, its verdict.

The machine is a made-up one (it types a recorded console, and is the clock as well); store, flow,
experience, stages and fence are the real ones.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.flow import Flow
from orchestrator.model.arch import Budget, Least
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, cell_of
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.stages.provision import provision
from orchestrator.stages.release import release
from orchestrator.stages.verdict import verdict
from tests import hands
from tests.contract.storing import NOW, PASSED, arch, ask, enrol, first_fit, judge, plan
from tests.unit.test_progress import FOLDER, Machine

ORDER = (
    (Stage.PROVISION, provision),
    (Stage.VERDICT, verdict),
    (Stage.RELEASE, release),
)
#: a minute at most; what was learned may cut it to a second
KVM = replace(arch("kvm"), budget=Budget(provision=60, least=Least(provision=1)))
#: seconds that the machine took before
TOOK = (10.0, 10.4, 9.5, 11.0, 9.9, 12.0, 10.1, 9.7, 10.5, 9.8)


class Rack(Machine):
    """A machine that is given back, too."""

    def withdraw(self, *_: object) -> None:
        """Do nothing: there is no offer."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(opened, 1)
    yield opened
    opened.database.close()


def begun(store: Store) -> AttemptId:
    """Return a new attempt that has the machine."""
    run = ask(store, plan(KVM))
    store.queue.grant(first_fit, NOW)
    return AttemptId(f"{run.id}/kvm/1")


def installed(store: Store, seconds: float) -> None:
    """Tell of an install that took so long."""
    attempt = begun(store)
    for after, kind in ((0.0, Kind.STARTED), (seconds, Kind.READY), (seconds, Kind.FINISHED)):
        event = Event(kind=kind, stage=Stage.PROVISION, node="n0")
        store.events.append(attempt, [event], NOW + timedelta(seconds=after))
    judge(store, attempt, PASSED)
    over = Event(kind=Kind.FINISHED, stage=Stage.RELEASE)
    store.events.append(attempt, [over], NOW + timedelta(seconds=seconds))


def walked(store: Store, folder: Path, *, comes_after: float | None) -> tuple[Ruling, float]:
    """Return what becomes of an attempt whose machine calls home then, and how long it took."""
    attempt = begun(store)
    file = folder / attempt / "console-n0.log"
    file.parent.mkdir(parents=True)
    recorded = (FOLDER / "good-install.log").read_bytes()
    stride = len(recorded) if comes_after is None else int(len(recorded) / comes_after / 4) + 1
    machine = Rack(file, recorded, stride=max(1, stride), comes=comes_after is not None)
    began = machine.time
    kit = replace(
        hands.kit(store),
        clock=machine,
        shell=machine,
        **{name: {name: machine} for name in ("power", "console", "boot")},
    )
    node = replace(hands.node("n0"), power="power", console="console", boot="boot")
    Flow(
        kit=kit,
        runs=store.runs,
        nodes={"n0": node},
        root=str(folder),
        order=ORDER,
        experience=store.experiences.experience,
    ).walk(attempt, lambda: None)
    ruling = next(e.ruling for e in store.events.of(attempt) if e.ruling)
    # what the page and the command line tell
    assert store.runs.cell(cell_of(attempt)).ruling == (ruling if ruling == PASSED else None)
    assert store.queue.granted() == ()
    return ruling, (machine.time - began).total_seconds()


def test_what_hangs_is_cut_by_what_its_machine_took_before(store: Store, tmp_path: Path) -> None:
    for seconds in TOOK:
        installed(store, seconds)
    ruling, took = walked(store, tmp_path, comes_after=None)
    assert (ruling.verdict, ruling.blame) == (Verdict.BROKEN, Blame.INFRA)
    learned = "10 good ones of n0 with debian took 10 s (median), 199 of 200 are over within"
    assert ruling.cause.startswith("n0 did not call home within ")
    assert learned in ruling.cause
    # a quarter over the slowest at least; nowhere near the minute of the arch
    assert 15 <= took < 25


def test_what_is_slow_but_good_is_not_cut(store: Store, tmp_path: Path) -> None:
    for seconds in TOOK:
        installed(store, seconds)
    ruling, took = walked(store, tmp_path, comes_after=14)
    assert ruling == PASSED
    assert took > max(TOOK)


def test_too_few_teach_nothing_and_the_archs_own_time_is_waited(
    store: Store, tmp_path: Path
) -> None:
    for seconds in TOOK[:7]:
        installed(store, seconds)
    ruling, took = walked(store, tmp_path, comes_after=None)
    assert "good ones" not in ruling.cause
    assert 60 <= took < 70

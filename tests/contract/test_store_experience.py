"""What a store's events teach about lengths."""

import pytest

from orchestrator.drivers.store.experience import Experiences
from orchestrator.drivers.store.opened import Store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.experience import Subject
from orchestrator.model.ids import AttemptId
from tests.contract.storing import KINDS, PASSED, enrol, judge, later, start, stores

store = pytest.fixture(params=KINDS)(stores)


def tell(store: Store, attempt: AttemptId, seconds: float, *events: tuple[Stage, Kind]) -> None:
    told = [Event(kind=kind, stage=stage, node="n0") for stage, kind in events]
    store.events.append(attempt, told, later(seconds))


def walk(store: Store, *, odd: Kind | None = None) -> AttemptId:
    """Play an attempt that is granted after 5 s and is over after 100."""
    attempt = start(store, nodes=2)
    tell(store, attempt, 10, (Stage.PROVISION, Kind.STARTED))
    tell(store, attempt, 40, (Stage.PROVISION, Kind.READY))
    tell(store, attempt, 50, (Stage.PROVISION, Kind.FINISHED), (Stage.DEPLOY, Kind.STARTED))
    if odd:
        tell(store, attempt, 60, (Stage.DEPLOY, odd))
    if odd is not Kind.FAILED:
        tell(store, attempt, 70, (Stage.DEPLOY, Kind.FINISHED))
    judge(store, attempt, PASSED)
    tell(store, attempt, 99, (Stage.RELEASE, Kind.STARTED))
    store.queue.release(attempt)
    tell(store, attempt, 100, (Stage.RELEASE, Kind.FINISHED))
    return attempt


def test_good_ones_teach(store: Store) -> None:
    enrol(store, 2)
    walk(store)
    known = Experiences(store.database).experience()
    assert known.cells == {"kvm": (95.0,)}
    assert known.stages == {
        Subject(stage=Stage.PROVISION, name="n0 with debian"): (30.0,),
        Subject(stage=Stage.PROVISION, name="kvm"): (40.0,),
        Subject(stage=Stage.DEPLOY, name="kvm"): (20.0,),
    }


@pytest.mark.parametrize("odd", [Kind.FAILED, Kind.RESUMED, Kind.HELD])
def test_what_was_not_as_usual_teaches_nothing(store: Store, odd: Kind) -> None:
    enrol(store, 2)
    walk(store, odd=odd)
    known = Experiences(store.database).experience()
    assert known.cells == {}
    assert Subject(stage=Stage.DEPLOY, name="kvm") not in known.stages

"""A store moves to another database: every row, or nothing at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.drivers.store import copy as copying
from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.copy import copy
from orchestrator.drivers.store.database import Database
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import CellId
from orchestrator.model.node import NodeState
from tests.contract.storing import (
    BROKEN,
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    database,
    enrol,
    first_fit,
    judge,
    later,
    plan,
    start,
)
from tests.contract.test_store_workers import worker

OTHER = KINDS[::-1]


def silent(_table: str, _rows: int) -> None:
    pass


@pytest.fixture(params=zip(KINDS, OTHER, strict=True), ids="-to-".join)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Database]]:
    """Give a store in which something went on, and another database that is empty."""
    kind, other = request.param
    (tmp_path / "a").mkdir()
    with database(kind, tmp_path / "a") as url, database(other, tmp_path / "b") as elsewhere:
        store, target = open_store(url), Database(elsewhere)
        filled(store)
        yield store, target
        store.database.close()
        target.close()


def filled(store: Store) -> None:
    enrol(store, 5)
    first = start(store, nodes=2)
    judge(store, first, BROKEN, retry=frozenset({"n0"}))
    store.queue.release(first)
    store.queue.grant(first_fit, later(70))
    judge(store, "1/kvm/2", PASSED)
    store.queue.release("1/kvm/2")
    start(store, nodes=3)
    ask(store, plan(arch("Kvm"), arch("kvm"), arch("xen", 9)), key="umlaut ä")
    store.nodes.set_state("n4", NodeState.DRAINED, "fan", NOW)


def told(store: Store) -> object:
    return (
        store.runs.runs(),
        store.runs.recent("", 50),
        store.events.since(0),
        store.nodes.all(),
        store.queue.leases("2/kvm/1"),
    )


def test_all_of_it_is_there_and_goes_on(pair: tuple[Store, Database]) -> None:
    store, target = pair
    done = copy(store.database, target, silent)
    assert dict(done.tables)["runs"] == 3
    assert done.rows > 30
    found = open_store(target.place)
    assert told(found) == told(store)
    assert check(target) == ()
    # and it counts on from where it was
    judge(found, "2/kvm/1", PASSED)
    found.queue.release("2/kvm/1")
    assert ask(found, plan(arch("kvm"))).id == 4
    assert found.runs.cell(CellId("1/kvm")).ruling == PASSED
    found.database.close()


def test_a_copy_is_repeated_and_an_interrupted_one_leaves_nothing(
    pair: tuple[Store, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, target = pair
    real = copying._fill

    def breaks(*words: object) -> None:
        real(*words)
        if words[2].name == "attempts":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_fill", breaks)
        with pytest.raises(KeyboardInterrupt):
            copy(store.database, target, silent)
    with target.read() as tx:
        assert tx.all("runs_newest", repo="", limit=9) == []
    first = copy(store.database, target, silent)
    assert copy(store.database, target, silent) == first


def test_a_target_with_anything_else_is_refused(pair: tuple[Store, Database]) -> None:
    store, target = pair
    copy(store.database, target, silent)
    store.nodes.set_state("n4", NodeState.DRAINED, "disk", NOW)
    with pytest.raises(ConfigError, match="nodes differs at its row 5"):
        copy(store.database, target, silent)
    judge(store, "2/kvm/1", PASSED)
    with pytest.raises(ConfigError, match="holds something else"):
        copy(store.database, target, silent)


def test_a_source_on_which_somebody_works_is_refused(pair: tuple[Store, Database]) -> None:
    store, target = pair
    store.workers.beat(worker("rack-1"))
    with pytest.raises(ConfigError, match="rack-1 works on"):
        copy(store.database, target, silent)
    store.workers.leave("rack-1")
    copy(store.database, target, silent)

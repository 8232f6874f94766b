"""The law of what archs have behind them: what is remembered is what is read anew."""

import pytest

from orchestrator.drivers.store import pasts
from orchestrator.drivers.store.opened import Store
from orchestrator.drivers.store.pasts import Pasts
from orchestrator.model.ids import AttemptId
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.storing import (
    KINDS,
    PASSED,
    arch,
    ask,
    enrol,
    first_fit,
    judge,
    later,
    plan,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)

RED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="two NICs")
ARCHS = ("kvm", "xen")
LATELY = 3


def _step(store: Store, number: int) -> None:
    """Add a run of both archs; `xen` is tried twice every other time."""
    run = ask(store, plan(arch("kvm"), arch("xen"), sha=f"{number}a")).id
    store.queue.grant(first_fit, later(number))
    for name, ruling in (("kvm", PASSED), ("xen", RED)):
        again = frozenset[str]() if name == "xen" and number % 2 else None
        judge(store, AttemptId(f"{run}/{name}/1"), ruling, again)
        store.queue.release(AttemptId(f"{run}/{name}/1"))
    store.queue.grant(first_fit, later(number))
    if number % 2:
        judge(store, AttemptId(f"{run}/xen/2"), PASSED)
        store.queue.release(AttemptId(f"{run}/xen/2"))


@pytest.mark.parametrize("most", [pasts.MOST, 1], ids=["some news", "too much news"])
def test_what_is_remembered_is_what_is_read_anew(
    store: Store, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pasts, "MOST", most)
    enrol(store, 4)
    for number in range(1, 7):
        _step(store, number)
        if number % 3 == 0:  # one arch is looked at more often than the other
            store.pasts.results(["kvm"], LATELY)
        known = store.pasts.results(ARCHS, LATELY)
        anew = Pasts(store.database).results(ARCHS, LATELY)
        for name in ARCHS:
            assert known[name].results == anew[name].results, (number, name)
        assert {one.run for one in known["xen"].results} <= {number, number - 1, number - 2}
        assert known["kvm"].results[0].run == number


def test_who_looks_with_an_older_view_takes_nothing_back(store: Store) -> None:
    enrol(store, 4)
    _step(store, 1)
    before = store.pasts.results(ARCHS, LATELY)
    (early,) = {seen.judged for seen in store.pasts._seen.values()}
    _step(store, 2)
    known = store.pasts.results(ARCHS, LATELY)
    seen = store.pasts._seen["kvm", LATELY]
    assert seen.at(pasts._Seen(judged=early, oldest=seen.oldest - 1), ()) is seen
    assert len(known["kvm"].results) == len(before["kvm"].results) + 1


def test_nothing_new_is_nothing_to_work_out(store: Store) -> None:
    enrol(store, 4)
    _step(store, 1)
    first = store.pasts.results(ARCHS, LATELY)
    assert store.pasts.results(ARCHS, LATELY)["kvm"] is first["kvm"]
    ask(store, plan(arch("kvm"), sha="2a"))
    assert store.pasts.results(ARCHS, LATELY)["kvm"] is first["kvm"], (
        "no judgement, the same record"
    )

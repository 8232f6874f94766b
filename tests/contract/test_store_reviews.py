"""The law of the store port: revisions of proposals, their remarks, what hooks were delivered."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.ids import AttemptId, RunId
from orchestrator.model.review import Fate, Progress, Proposal, Remark, Watched
from tests.contract.storing import KINDS, NOW, database, later, stores

store = pytest.fixture(params=KINDS)(stores)


def remark(name: str, text: str = "recheck") -> Remark:
    return Remark(id=name, author="bob", text=text, trusted=True)


def proposal(sha: str = "a", number: str = "7", remarks: Sequence[Remark] = ()) -> Proposal:
    return Proposal(
        project="nova",
        number=number,
        sha=sha,
        ref=f"refs/changes/07/{number}/1",
        branch="trunk",
        fate=Fate.OPEN,
        author="ann",
        message="Boot faster — and 'quoted', with 100 % of :colons",
        url=f"https://review.example.com/{number}",
        remarks=tuple(remarks),
    )


def watched(of: Proposal, review: str = "up", progress: Progress = Progress.RUNNING) -> Watched:
    return Watched(review=review, proposal=of, progress=progress, run=RunId(3))


def test_what_is_looked_after_is_found_as_it_was_stored(store: Store) -> None:
    one = watched(proposal(remarks=[remark("r1")]))
    assert store.reviews.find("up", one.proposal) is None
    store.reviews.begin(one)
    found = store.reviews.find("up", one.proposal)
    assert found == replace(one, proposal=replace(one.proposal, remarks=()))
    assert store.reviews.find("other", one.proposal) is None
    assert store.reviews.find("up", replace(one.proposal, project="glance")) is None


def test_a_revision_that_is_known_is_kept_as_it_is(store: Store) -> None:
    one = watched(proposal())
    store.reviews.begin(one)
    store.reviews.begin(replace(one, run=RunId(4), progress=Progress.REFUSED))
    found = store.reviews.find("up", one.proposal)
    assert found
    assert (found.run, found.progress) == (RunId(3), Progress.RUNNING)


def test_every_revision_of_a_proposal_is_known_and_those_whose_authors_wait(store: Store) -> None:
    for sha, number in (("b", "7"), ("a", "7"), ("c", "8")):
        store.reviews.begin(watched(proposal(sha, number)))
    store.reviews.begin(watched(proposal("d", "9"), review="other"))
    assert [one.proposal.sha for one in store.reviews.of("up", proposal())] == ["a", "b"]
    assert [one.proposal.sha for one in store.reviews.running("up")] == ["a", "b", "c"]
    store.reviews.update(watched(proposal("a"), progress=Progress.SUPERSEDED))
    assert [one.proposal.sha for one in store.reviews.running("up")] == ["b", "c"]
    assert [one.progress for one in store.reviews.of("up", proposal())] == ["superseded", "running"]


def test_how_far_we_are_is_kept_whole(store: Store) -> None:
    store.reviews.begin(watched(proposal()))
    further = replace(
        watched(proposal(), progress=Progress.TOLD),
        round=2,
        again=(AttemptId("3/kvm/1"),),
        said="no such arch",
        announced=True,
    )
    store.reviews.update(further)
    assert store.reviews.find("up", proposal()) == further


def test_a_remark_is_acted_upon_once_in_its_order(store: Store) -> None:
    first, second, third = (remark(name) for name in ("9", "10", "1"))
    store.reviews.begin(watched(proposal(remarks=[first])))
    both = proposal("newer", remarks=[first, second, third])
    assert store.reviews.unread("up", both) == (second, third)
    assert store.reviews.unread("other", both) == (first, second, third)
    store.reviews.update(watched(proposal()), read=[second])
    assert store.reviews.unread("up", both) == (third,)
    for _ in range(2):
        store.reviews.read("up", both)
    assert store.reviews.unread("up", both) == ()


def test_a_hook_is_delivered_each_thing_once(store: Store) -> None:
    assert store.reviews.delivered("up", "d1", NOW)
    assert not store.reviews.delivered("up", "d1", later(60))
    assert store.reviews.delivered("other", "d1", NOW)
    assert store.reviews.delivered("up", "d2", NOW)


def test_of_many_deliveries_at_once_one_is_the_first(store: Store) -> None:
    def deliver(_: int) -> bool:
        return store.reviews.delivered("up", "d1", NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(deliver, range(16))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_looked_after_outlives_its_process(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as url:
        first = open_store(url)
        first.reviews.begin(watched(proposal(remarks=[remark("r1")])))
        first.database.close()
        again = open_store(url)
        found = again.reviews.running("up")
        assert [one.proposal.sha for one in found] == ["a"]
        assert again.reviews.unread("up", proposal(remarks=[remark("r1")])) == ()
        again.database.close()

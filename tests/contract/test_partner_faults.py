"""A partner that misbehaves: each ends in its state, with its sentence, and never green."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.drivers.partner import conversation
from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Kind
from orchestrator.model.partner import Contract, Standing
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from tests.contract.fake_jenkins import GREEN, RED, Jenkins, serving
from tests.contract.partner_rig import CONTRACT, Rig, guarded, jenkins


@contextmanager
def rigged(folder: Path, fake: Jenkins, contract: Contract = CONTRACT) -> Iterator[Rig]:
    store = open_store(f"sqlite:///{folder}/store.sqlite")
    with serving(fake) as url:
        rig = Rig(store, folder, guarded(jenkins(url, contract)), contract)
        rig.grant()
        yield rig
        wrong = check(store.database)
    store.database.close()
    assert wrong == ()


#: how it misbehaves; how it ends: verdict, blame, where the order stands, the sentence
ENDS: list[tuple[dict[str, Any], Verdict, Blame | None, Standing, str]] = [
    ({}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"folds": True}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"expires": True}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"crumbs": True}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"loses_answer": True}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"status": 500, "times": 3}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"status": 502, "times": 3}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    ({"gone": 3}, Verdict.PASSED, None, Standing.ANSWERED, ""),
    (
        {"result": "UNSTABLE", "report": RED},
        *(Verdict.FAILED, Blame.PRODUCT, Standing.ANSWERED),
        "suite.test_volume: no LUN, at hp",
    ),
    (
        {"status": 500, "times": -1},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.SILENT),
        "hp is silent: no answer in \\d+ s (hp .*answers 500",
    ),
    (
        {"circles": True},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.SILENT),
        "hp is silent: .*sends us round in circles",
    ),
    (
        {"status": 401, "times": -1},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp refuses (401): it does not accept our login",
    ),
    (
        {"job": False},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp has no job vendor/a b, or does not show it to smoketest",
    ),
    (
        {"disabled": True},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp refuses (409): the job is disabled",
    ),
    (
        {"parameters": ("COMMIT",)},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "the job vendor/a b of hp has no string parameter RUN_ID: add it",
    ),
    (
        {"cancels": True},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp cancelled it in its queue",
    ),
    (
        {"gone": -1},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp lost .*: it answers, but knows nothing of it any more",
    ),
    (
        {"report": RED},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp says SUCCESS, but its own report has 1 red: suite.test_volume; neither is believed",
    ),
    (
        {"report": None},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp says SUCCESS, but its test report is missing: that proves nothing",
    ),
    (
        {"report": []},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp says SUCCESS, but its test report has no passed test: that proves nothing",
    ),
    (
        {"report": [{"name": "x", "status": "SHINY"}]},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp sent a test report that cannot be read",
    ),
    (
        {"other": {"COMMIT": "feed"}},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp answered for another commit (feed, not c0ffee",
    ),
    (
        {"result": "FAILURE", "report": None},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp says FAILURE, and no test report says what of the product failed",
    ),
    (
        {"result": "UNSTABLE", "report": GREEN},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp says UNSTABLE, but its report has no failed test",
    ),
    (
        {"result": "ABORTED"},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.ANSWERED),
        "hp aborted the build",
    ),
    (
        {"result": "EXPLODED"},
        *(Verdict.BROKEN, Blame.PARTNER, Standing.REFUSED),
        "hp says 'EXPLODED', which is no result of a build",
    ),
]


@pytest.mark.parametrize(
    ("fault", "verdict", "blame", "standing", "sentence"),
    ENDS,
    ids=["-".join(f"{k}={v}" for k, v in end[0].items())[:40] or "good" for end in ENDS],
)
def test_each_ends_in_its_state_with_its_sentence(
    tmp_path: Path,
    fault: dict[str, Any],
    verdict: Verdict,
    blame: Blame | None,
    standing: Standing,
    sentence: str,
) -> None:
    fake = Jenkins(**fault)
    brief = standing is Standing.SILENT or fault.get("gone") == -1
    contract = replace(CONTRACT, accept=3.0) if brief else CONTRACT
    with rigged(tmp_path, fake, contract) as rig:
        rig.walk()
        (judged,) = [e.ruling for e in rig.events() if e.kind is Kind.JUDGED]
        assert judged
        assert (judged.verdict, judged.blame, rig.standing()) == (verdict, blame, standing)
        pattern = sentence.replace("(", r"\(").replace(")", r"\)")
        assert re.match(pattern, judged.cause), judged.cause
        assert len(fake.starts) <= 1, "one build, whatever happened"
        follows = rig.cell().state is State.WAITING
        assert follows is (verdict is Verdict.BROKEN), "the next alternative, if nobody could tell"
        assert rig.cell().way == int(follows)


def test_what_the_partner_is_told_and_what_is_kept_of_its_answer(tmp_path: Path) -> None:
    fake = Jenkins()
    with rigged(tmp_path, fake) as rig:
        rig.walk()
        (told,) = fake.starts
        assert told["COMMIT"] == "c0ffee" * 6 + "cafe"
        assert (told["ARCH"], told["REPO"], told["REF"]) == ("a b", "nova", "trunk")
        assert re.match(r"http://main.example/hook/[0-9a-f]{32}$", told["CALLBACK_URL"])
        files = tmp_path / "files" / "1/kvm-lefthand/1"
        assert (files / "partner-console.log").read_text().endswith("Finished\n")
        assert (files / "partner/logs/api.log").read_text() == "GET /servers\n"
        (note,) = [e.text for e in rig.events() if e.kind is Kind.NOTE]
        assert re.search(r"logs/api.log sha256 [0-9a-f]{64}$", note), note
        kinds = [e.kind for e in rig.events() if e.stage == "partner"]
        for kind in (Kind.ASKED, Kind.ACCEPTED, Kind.BUILDING, Kind.ANSWERED, Kind.TESTED):
            assert kinds.count(kind) == 1, kinds
        assert rig.store.queue.granted() == ()


def test_one_that_never_answers_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ANSWER_SECONDS", 1.0)
    with rigged(tmp_path, Jenkins(slow=3.0), replace(CONTRACT, accept=2.0)) as rig:
        rig.walk()
        (judged,) = [e for e in rig.events() if e.kind is Kind.JUDGED]
        assert judged.text.startswith("hp is silent: no answer in"), judged.text
        assert "does not answer in time" in judged.text
        assert Kind.SILENT in [e.kind for e in rig.events()]


def test_what_comes_late_is_taken_in_and_shown_as_late(tmp_path: Path) -> None:
    fake = Jenkins(building=10**6)
    with rigged(tmp_path, fake, replace(CONTRACT, deadline=5.0)) as rig:
        rig.walk()
        (judged,) = [e for e in rig.events() if e.kind is Kind.JUDGED]
        assert re.match(r"hp is late: still \w+ after 5 s", judged.text), judged.text
        assert rig.standing() == Standing.LATE
        (record,) = rig.partnership().latecomers()
        assert not rig.partnership().welcome(record), "the simulator has its turn first"
        rig.store.queue.cancel(rig.cell().attempts[-1], record.order.due_at)
        assert not rig.partnership().welcome(record), "it is not done"
        fake.building = 0
        assert rig.partnership().welcome(record)
        rig.grant()
        rig.walk(3)
        cell = rig.cell()
        assert cell.ruling
        assert (cell.ruling.verdict, cell.way) == (Verdict.PASSED, 0)
        assert re.match(r"late: hp answered .* after its time", cell.ruling.cause)
        assert len(fake.starts) == 1, "it is the same build"
        assert rig.partnership().latecomers() == ()
        view = rig.partnership().one("hp")
        assert (view.asked, view.in_time, view.late, view.answer_rate) == (2, 0, 1, 0.0)


def test_a_call_back_wakes_and_what_it_claims_counts_for_nothing(tmp_path: Path) -> None:
    fake = Jenkins(queued=0, building=0)
    with rigged(tmp_path, fake, replace(CONTRACT, poll=30.0)) as rig:
        order = rig.store.orders
        real = rig.driver.start

        def start_then_call(*given: object) -> object:
            found = real(*given)  # type: ignore[arg-type]
            order.call(rig.cell().attempts[0])
            return found

        rig.driver.start = start_then_call  # type: ignore[method-assign]
        poll = rig.driver.poll

        def poll_then_call(*given: object) -> object:
            order.call(rig.cell().attempts[0])
            return poll(*given)

        rig.driver.poll = poll_then_call  # type: ignore[method-assign]
        rig.walk()
        assert rig.standing() == Standing.ANSWERED


def test_stopping_the_cell_stops_the_build(tmp_path: Path) -> None:
    fake = Jenkins(building=10**6)
    with rigged(tmp_path, fake) as rig:
        poll = rig.driver.poll

        def stop_when_running(*given: object) -> object:
            found = poll(*given)
            if found.build:
                rig.store.queue.cancel(rig.cell().attempts[0], given[0].asked_at)
            return found

        rig.driver.poll = stop_when_running  # type: ignore[method-assign]
        rig.walk()
        ruling = rig.cell().ruling
        assert ruling
        assert (ruling.verdict, rig.standing()) == (Verdict.CANCELLED, Standing.WITHDRAWN)
        assert fake.stopped == ["/job/vendor/job/a%20b/3/stop"]


@pytest.mark.parametrize("at", ["start", "poll", "fetch"])
def test_killed_at_any_call_it_asks_once_and_ends_once(tmp_path: Path, at: str) -> None:
    """Nothing that a killed process would have written after the call is written."""

    class Killed(BaseException):
        pass

    fake = Jenkins()
    with rigged(tmp_path, fake) as rig:
        real: Callable[..., object] = getattr(rig.driver, at)

        def killed(*given: object) -> object:
            setattr(rig.driver, at, real)
            real(*given)
            raise Killed

        setattr(rig.driver, at, killed)
        with pytest.raises(Killed):
            rig.walk()
        rig.walk()
        assert len(fake.starts) == 1
        kinds = [e.kind for e in rig.events()]
        assert (kinds.count(Kind.JUDGED), kinds.count(Kind.ANSWERED)) == (1, 1)
        ruling = rig.cell().ruling
        assert ruling
        assert ruling.verdict is Verdict.PASSED

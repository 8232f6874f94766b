"""What changed for a lieutenant, and how archs do: pure functions over results."""

from datetime import UTC, datetime, timedelta

from orchestrator.model.health import (
    Judged,
    Novelty,
    Record,
    days,
    grade,
    turns,
)
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.model.waiver import Sort, Waiver, speaking, symptom

NOW = datetime(2031, 5, 20, 12, tzinfo=UTC)
P, F, B = Verdict.PASSED, Verdict.FAILED, Verdict.BROKEN


def _result(
    run: int,
    verdict: Verdict,
    hours: float,
    *,
    ref: str = "trunk",
    commit: str = "",
    number: int = 1,
) -> Judged:
    cell = f"{run}/kvm-flat"
    return Judged(
        run=RunId(run),
        repo="sample",
        ref=ref,
        commit=commit or f"c{run}",
        patched=False,
        cell=CellId(cell),
        attempt=AttemptId(f"{cell}/{number}"),
        arch="kvm-flat",
        verdict=verdict,
        blame=None if verdict is P else Blame.PRODUCT,
        cause="" if verdict is P else "it broke",
        at=NOW - timedelta(hours=hours),
    )


def _history(*verdicts: Verdict, step: float = 1) -> list[Judged]:
    """Return results an hour (or `step`) apart, given newest first."""
    count = len(verdicts)
    return Record(_result(count - n, verdict, (n + 1) * step) for n, verdict in enumerate(verdicts))


def _since(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_a_branch_that_turned_red_is_told_once_at_its_first_red() -> None:
    (turn,) = turns(_history(F, B, F, P, P), _since(3.5))
    assert (turn.novelty, turn.result.run) == (Novelty.RED, 3)
    assert turn.before is not None
    assert turn.before.verdict is P
    assert turns(_history(F, F, P), _since(0.5)) == ()


def test_red_and_green_again_between_two_looks_is_no_news() -> None:
    assert turns(_history(P, F, P), _since(2.5)) == ()


def test_green_again_is_told_and_a_new_green_branch_is_not() -> None:
    (turn,) = turns(_history(P, F, F), _since(1.5))
    assert turn.novelty is Novelty.FIXED
    assert turns(_history(P), _since(100)) == ()


def test_one_commit_that_passes_and_fails_is_flaky_and_news_only_the_first_time() -> None:
    old = [_result(2, P, 1, commit="x"), _result(1, F, 3, commit="x")]
    assert [turn.novelty for turn in turns(Record(old), _since(2))] == [
        Novelty.FIXED,
        Novelty.FLAKY,
    ]
    older = [*old, _result(9, P, 50, commit="y"), _result(8, F, 60, commit="y")]
    assert Novelty.FLAKY not in [turn.novelty for turn in turns(Record(older), _since(2))]


def test_broken_is_not_flaky_but_red() -> None:
    results = [_result(n, P, n, commit=f"c{n}") for n in range(1, 6)]
    results.append(_result(5, B, 5.5, commit="c5", number=2))
    assert Record(results).flake_rate == 0
    assert Record(results[:2]).flake_rate is None


def test_times_to_green_and_reds_are_counted_from_the_first_red() -> None:
    assert _history(P, F, F, P, F, P).time_to_green == (2 * 3600 + 3600) / 2
    assert _history(F, P).time_to_green is None
    ((first, newest),) = _history(F, F, P).reds
    assert (first.run, newest.run) == (2, 3)
    assert _history(P, F).reds == ()


def graded(results: Record, *, voting: bool = True) -> tuple[str, str]:
    found = grade("kvm-flat", results, NOW, voting=voting)
    return found.grade, found.because


def test_grades_say_why() -> None:
    good = _history(*[P] * 12)
    assert graded(good) == ("A", "kvm-flat votes, 12 of its newest 12 are decided")
    assert graded(good, voting=False) == ("B", "kvm-flat does not vote")
    assert graded(_history(*[F] * 8)) == ("C", "kvm-flat was never green in 30 days")
    assert graded(Record([])) == ("C", "kvm-flat has no result in 30 days")
    stale = Record([_result(1, P, 24 * 31)])
    assert graded(stale) == ("C", "kvm-flat has no result in 30 days")
    old = Record([*_history(*[P] * 30).results, _result(99, F, 24 * 8, ref="old")])
    assert graded(old) == ("B", "old is red on kvm-flat for more than 7 days")


def test_days_hold_each_cell_once() -> None:
    found = days(Record([*_history(P, F).results, _result(1, P, 30, number=2)]), NOW, 3)
    assert [(d.passed, d.failed, d.broken) for d in found] == [(0, 0, 0), (0, 0, 0), (1, 1, 0)]


def _red(*names: str) -> tuple[TestResult, ...]:
    return tuple(TestResult(name=n, outcome=Outcome.FAILED, seconds=1) for n in names)


def test_a_waiver_is_carried_over_to_the_very_same_wrong_until_it_ends() -> None:
    ruling = Ruling(verdict=F, blame=Blame.PRODUCT, cause="instance 17 has no port 0xbeef")
    wrong = symptom(ruling, _red("b", "a"))
    waiver = Waiver(
        id=1,
        sort=Sort.WAIVE,
        cell=CellId("4/kvm-flat"),
        arch="kvm-flat",
        repo="sample",
        ref="trunk",
        symptom=wrong,
        reason="known",
        by="ada",
        at=NOW,
        until=NOW + timedelta(days=1),
    )
    later, earlier = CellId("5/kvm-flat"), CellId("3/kvm-flat")
    assert speaking([waiver], later, symptom(ruling, _red("a", "b")), NOW) == (waiver,)
    assert speaking([waiver], later, symptom(ruling, _red("a", "b", "c")), NOW) == ()
    assert speaking([waiver], earlier, wrong, NOW) == ()
    assert speaking([waiver], later, wrong, NOW + timedelta(days=2)) == ()
    other = Ruling(verdict=B, blame=Blame.INFRA, cause="instance 99 has no port 0xf00d")
    assert symptom(ruling, ()) == symptom(other, ())

"""The first bad commit, found by runs whose verdicts a test makes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.bisection import Mark, step, tries
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.repository import commit
from tests.unit.web_house import Furnished, furnish

G, B, U, N = Mark.GOOD, Mark.BAD, Mark.UNCLEAR, Mark.UNTRIED


@settings(deadline=None)
@given(st.integers(1, 200), st.data())
def test_the_first_bad_one_is_found_in_as_few_tries_as_promised(
    length: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, length))
    marks = [G, *([N] * (length - 1)), B]
    most, count = tries(marks), 0
    while (now := step(marks)).probe is not None:
        marks[now.probe] = B if now.probe >= first else G
        count += 1
    assert now.suspects == (first,)
    assert count <= most <= 8


@settings(deadline=None)
@given(st.integers(2, 60), st.data())
def test_what_is_unclear_is_gone_round_and_stays_suspect(length: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, length))
    unclear = data.draw(st.frozensets(st.integers(1, length - 1)))
    marks = [G, *([N] * (length - 1)), B]
    while (now := step(marks)).probe is not None:
        marks[now.probe] = U if now.probe in unclear else B if now.probe >= first else G
    assert first in now.suspects
    assert set(now.suspects[:-1]) <= unclear


def test_a_start_that_was_never_tried_is_tried_first() -> None:
    assert step([N, N, B]).probe == 0
    assert step([G, U, B]).suspects == (1, 2)


BOOT = TestResult(name="test_boot", outcome=Outcome.FAILED, seconds=1, message="500")
OTHER = TestResult(name="test_other", outcome=Outcome.FAILED, seconds=1, message="404")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A product of eight commits, of which the sixth breaks `test_boot`, and a shell."""

    home: Furnished
    capture: pytest.CaptureFixture[str]
    shas: list[str]
    tried: list[int]
    #: what a commit comes to instead, by its place
    odd: dict[int, tuple[Verdict, TestResult | None]]

    def type(self, *words: str) -> tuple[int, str, str]:
        status = carry_out(app, [*words, "--server", self.home.url])
        said = self.capture.readouterr()
        return status, said.out, said.err

    def decide(self) -> None:
        """Settle whatever waits, as the commit is."""
        for run, cells in self.home.store.runs.recent("", 50):
            for cell in cells:
                if cell.state is not State.DONE:
                    place = self.shas.index(run.commit.sha)
                    self.tried.append(place)
                    self._settle(cell.attempts[-1], place)

    def _settle(self, attempt: AttemptId, place: int) -> None:
        plain = (Verdict.FAILED, BOOT) if place >= 5 else (Verdict.PASSED, None)
        verdict, red = self.odd.get(place, plain)
        blame = {Verdict.FAILED: Blame.PRODUCT, Verdict.BROKEN: Blame.INFRA}.get(verdict)
        ruling = Ruling(verdict=verdict, blame=blame, cause="a cause" if blame else "")
        tests = (red,) if red else ()
        events = [
            Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests),
            Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling),
        ]
        self.home.store.events.append(attempt, events, self.home.clock.now())

    def run(self, place: int) -> int:
        """Try the commit on kvm-flat; return the run's number."""
        body = self.home.body(ref=self.shas[place])
        asked = self.home.writer().post("/api/runs", json=body).json()
        self.decide()
        self.tried.clear()
        return int(asked["run"])


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    with furnish(tmp_path) as home:
        repo = Path(home.repo)
        shas = [commit(repo, f"Step {number}", {"file": f"{number}\n"}) for number in range(8)]
        monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
        monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path / "home"))
        made = Bench(home=home, capture=capsys, shas=shas, tried=[], odd={})
        monkeypatch.setattr(home.engine, "wake", made.decide)
        yield made


def test_the_first_bad_commit_is_named(bench: Bench) -> None:
    bench.run(0)
    bad = bench.run(7)
    status, out, err = bench.type("bisect", f"{bad}/kvm-flat")
    assert status == 0
    assert f"the first bad commit is {bench.shas[5][:10]} Step 5" in out
    assert "at most 3 runs to go" in err
    assert len(bench.tried) == 3
    bench.tried.clear()
    status, out, _ = bench.type("bisect", f"{bad}/kvm-flat", "--json")
    found: Any = json.loads(out)
    assert (status, bench.tried) == (0, []), "what is decided is not tried again"
    assert (found["done"], found["suspects"]) == (True, [bench.shas[5][:10]])
    marks = {one["commit"]: one["mark"] for one in found["commits"]}
    assert (marks[bench.shas[4][:10]], marks[bench.shas[5][:10]]) == ("good", "bad")


def test_a_start_that_somebody_names_is_proven_first(bench: Bench) -> None:
    bad = bench.run(7)
    status, _, err = bench.type("bisect", f"{bad}/kvm-flat")
    assert (status, "no commit before" in err) == (2, True)
    status, out, _ = bench.type("bisect", f"{bad}/kvm-flat", "--good", bench.shas[2])
    assert (status, f"is {bench.shas[5][:10]}" in out) == (0, True)
    assert bench.tried[0] == 2
    status, _, err = bench.type("bisect", f"{bad}/kvm-flat", "--good", bench.shas[6])
    assert status == 2
    assert f"{bench.shas[6][:10]} is no good start: it fails as well" in err


def test_what_cannot_be_told_leaves_several(bench: Bench) -> None:
    bench.odd[4] = (Verdict.BROKEN, None)
    bench.odd[5] = (Verdict.FAILED, OTHER)
    bench.run(0)
    bad = bench.run(7)
    status, out, _ = bench.type("bisect", f"{bad}/kvm-flat")
    names = ", ".join(sha[:10] for sha in bench.shas[4:7])
    assert (status, f"is one of {names}: those before the last could not be decided" in out) == (
        3,
        True,
    )


def test_a_green_cell_and_a_strange_start_are_refused(bench: Bench) -> None:
    green = bench.run(1)
    status, _, err = bench.type("bisect", f"{green}/kvm-flat")
    assert (status, "is passed, so there is no first bad commit" in err) == (2, True)
    bad = bench.run(6)
    status, _, err = bench.type("bisect", f"{bad}/kvm-flat", "--good", bench.shas[7])
    assert (status, "is not among the commits before" in err) == (2, True)

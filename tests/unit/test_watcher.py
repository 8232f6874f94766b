"""Lanes that feed themselves: real repositories, a real store, and a clock that can be set."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.drivers.store.watches import Watches
from orchestrator.model.ids import RunId
from orchestrator.model.request import Lane
from orchestrator.model.run import Run
from orchestrator.model.verdict import Verdict
from orchestrator.model.watch import Seen, Watch, chosen, night
from orchestrator.service.watcher import Watcher
from tests.contract.repository import commit, git
from tests.unit.web_house import Furnished, furnish

NAME = "ours"


@dataclass
class Hand:
    """A clock that a test sets."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Killed(Exception):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class Dying(Watches):
    """Is killed after a run was asked for, before that is written down."""

    def see(self, watch: str, seen: Seen) -> None:
        raise Killed(watch, seen)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


def watching(home: Furnished, **changes: Any) -> Watcher:  # noqa: ANN401  # fields of Watch
    """What watches the house's own repository."""
    wanted = Watch(name=NAME, repo=home.repo, branches=("trunk",), archs=("kvm-flat",))
    clock = changes.pop("clock", Hand())
    watched = {NAME: replace(wanted, **changes)}
    return replace(home.house.watcher, clock=clock, watched=watched, _looks={})


def push(home: Furnished, *subjects: str) -> list[str]:
    folder = Path(home.repo)
    return [commit(folder, subject, {"news": f"{subject}\n"}) for subject in subjects]


def shas(runs: tuple[Run, ...]) -> list[str]:
    return [run.commit.sha for run in runs]


def test_a_new_commit_is_asked_for_once(home: Furnished) -> None:
    watcher = watching(home)
    (first,) = watcher.look(NAME)
    assert first.commit.sha == git(Path(home.repo), "rev-parse", "trunk")
    assert (first.lane, first.ref, first.requester) == (Lane.MERGED, "trunk", f"watch {NAME}")
    assert first.reason == "merged into trunk"
    assert watcher.look(NAME) == ()
    (new,) = push(home, "one")
    assert shas(watcher.look(NAME)) == [new]
    assert watcher.look(NAME) == ()
    assert len(home.store.runs.runs()) == 2


def test_a_downtime_is_caught_up_with_and_the_newest_commit_wins(home: Furnished) -> None:
    watching(home).look(NAME)
    missed = push(home, "one", "two", "three")
    runs = watching(home).look(NAME)
    assert shas(runs) == missed
    cells = [home.store.runs.cells(RunId(run.id))[0] for run in home.store.runs.runs()]
    said = [cell.ruling.verdict if cell.ruling else None for cell in cells]
    assert said == [None, *[Verdict.CANCELLED] * 3]
    assert cells[1].ruling is not None
    assert cells[1].ruling.cause == (
        f"superseded by run {runs[-1].id}, which has a newer commit of trunk"
    )


def test_killed_after_asking_it_asks_for_the_same_run_again(home: Furnished) -> None:
    watcher = watching(home)
    dying = replace(watcher, watches=Dying(home.store.database))
    for _ in range(2):
        with pytest.raises(Killed):
            dying.look(NAME)
    push(home, "one")
    runs = watcher.look(NAME)
    # Nothing was written down, so the watch begins with what is the newest now.
    assert shas(runs) == [git(Path(home.repo), "rev-parse", "trunk")]
    push(home, "two", "three")
    with pytest.raises(Killed):
        dying.look(NAME)
    assert len(watcher.look(NAME)) == 2
    assert len(home.store.runs.runs()) == 4


def test_a_branch_that_was_set_back_or_rewritten_goes_on(home: Furnished) -> None:
    watcher, repo = watching(home), Path(home.repo)
    watcher.look(NAME)
    push(home, "one", "two")
    watcher.look(NAME)
    git(repo, "reset", "--quiet", "--hard", "HEAD~1")
    (again,) = watcher.look(NAME)
    assert again.commit.subject == "one"
    assert again.id == 2, "that commit had its run"
    assert watcher.look(NAME) == ()
    git(repo, "reset", "--quiet", "--hard", "HEAD~1")
    rewritten = push(home, "another one", "another two")
    assert shas(watcher.look(NAME)) == rewritten


def test_branches_are_chosen_by_globs_and_each_has_its_own_place(home: Furnished) -> None:
    repo = Path(home.repo)
    for branch in ("stable/one", "stable/two", "feature"):
        git(repo, "branch", branch)
    watcher = watching(home, branches=("stable/*",))
    runs = watcher.look(NAME)
    assert [run.ref for run in runs] == ["stable/one", "stable/two"]
    git(repo, "checkout", "--quiet", "stable/two")
    commit(repo, "backport", {"news": "x\n"})
    assert [run.ref for run in watcher.look(NAME)] == ["stable/two"]


def test_what_is_wrong_is_told_and_tried_again(home: Furnished) -> None:
    lost = watching(home, branches=("main",))
    assert lost.look(NAME) == ()
    assert "has no branch main; mend `branches`" in lost.views()[0].trouble
    wrong = watching(home, archs=("kvm-flaat",))
    assert wrong.look(NAME) == ()
    assert wrong.views()[0].trouble.startswith("trunk: there is no arch 'kvm-flaat'")
    assert wrong.views()[0].seen == ()
    right = watching(home)
    assert len(right.look(NAME)) == 1
    assert right.views()[0].trouble == ""


def test_a_night_is_asked_for_once_and_of_missed_ones_the_last(home: Furnished) -> None:
    clock = Hand()
    watcher = watching(home, clock=clock, lane=Lane.NIGHTLY, at=time(2, 30, tzinfo=UTC))
    assert watcher.look(NAME) == (), "the first night is the next one"
    clock.at = datetime(2026, 3, 2, 2, 29, tzinfo=UTC)
    assert watcher.look(NAME) == ()
    clock.at = datetime(2026, 3, 2, 2, 31, tzinfo=UTC)
    (first,) = watcher.look(NAME)
    assert (first.lane, first.reason) == (Lane.NIGHTLY, "the night of 2026-03-02")
    assert watcher.look(NAME) == ()
    clock.at = datetime(2026, 3, 7, 23, 0, tzinfo=UTC)
    (later,) = watching(home, clock=clock, lane=Lane.NIGHTLY, at=time(2, 30, tzinfo=UTC)).look(NAME)
    assert later.reason == "the night of 2026-03-07"
    assert watcher.look(NAME) == ()


def test_night_and_chosen() -> None:
    watch = Watch(name="n", repo="r", branches=("a", "b/*"), at=time(23, 0, tzinfo=UTC))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert night(watch, noon) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert night(watch, noon + timedelta(hours=11)) == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert chosen(watch, ["a", "aa", "b", "b/c", "b/c/d"]) == ("a", "b/c", "b/c/d")


def test_people_see_how_far_it_got(
    home: Furnished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
    assert carry_out(app, ["watches", "--server", home.url]) == 0
    assert "no repository is watched" in capsys.readouterr().out
    watched: Any = home.house.watcher.watched
    watched[NAME] = watching(home).watched[NAME]
    home.house.watcher.look(NAME)
    assert carry_out(app, ["watches", "--server", home.url, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["watches"]
    assert found["seen"][0]["run"] == 1
    assert (found["lane"], found["trouble"]) == ("merged", "")
    assert carry_out(app, ["watches", "--server", home.url]) == 0
    assert found["seen"][0]["commit"] in capsys.readouterr().out

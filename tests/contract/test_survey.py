"""Operators' local patches on a made repository: upstreamed, conflicting, shared and clean."""

from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.source.git import GitSource
from orchestrator.drivers.source.history import GitHistory
from orchestrator.drivers.source.survey import GitSurvey
from orchestrator.model.errors import ConfigError, OutOfTime
from orchestrator.model.request import Patch
from orchestrator.model.series import Carried, Series, Standing, shared
from orchestrator.ports.clock import Deadline
from tests.contract.repository import commit, exported, git, made, numbered

CHANGE = "Change-Id: I" + "4f" * 20


def soon(seconds: float = 60) -> Deadline:
    return Deadline(SystemClock(), seconds)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Two operators' folders beside a trunk that moved on since they began."""
    folder = made(tmp_path / "stratus")
    base = commit(folder, "first", {"api": numbered(60), "db": numbered(30), "net": numbered(30)})
    git(folder, "checkout", "--quiet", "-b", "north")
    commit(folder, "Fix the API", {"api": numbered(60, _5="fixed")})
    commit(folder, "Faster database", {"db": numbered(30, _20="faster")})
    commit(folder, f"Two cards\n\n{CHANGE}", {"net": numbered(30, _10="two cards")})
    commit(folder, "A quota of our own", {"quota": "ours\n"})
    exported(folder, tmp_path / "north", base)
    git(folder, "checkout", "--quiet", "-b", "south", base)
    commit(folder, "Somebody else's fix of the API", {"api": numbered(60, _5="fixed")})
    commit(folder, f"Two cards, older\n\n{CHANGE}", {"net": numbered(30, _10="2 cards")})
    commit(folder, "Only the south", {"api": numbered(60, _5="fixed", _50="south")})
    exported(folder, tmp_path / "south", base)
    git(folder, "checkout", "--quiet", "trunk")
    commit(folder, "Fix the API, merged", {"api": numbered(60, _5="fixed")})
    commit(folder, "Slower database", {"db": numbered(30, _20="slower")})
    return folder


def series(folder: Path) -> Series:
    files = sorted(folder.glob("*.patch"))
    patches = tuple(Patch(name=file.name, text=file.read_text()) for file in files)
    return Series(operator=folder.name, patches=patches)


def survey(repo: Path, tmp_path: Path, *names: str, last: int = 3) -> tuple[Carried, ...]:
    cache = tmp_path / "cache"
    tip = GitSource(cache, {}).resolve(str(repo), "trunk", soon())
    commits = GitHistory(cache, {}).line(tip, last, soon())
    stacks = [series(tmp_path / name) for name in names]
    return GitSurvey(cache, {}).survey(commits, stacks, soon())


def standings(carried: tuple[Carried, ...]) -> dict[str, list[str]]:
    """Each patch's standing on every commit, the oldest first."""
    return {
        f"{one.operator}/{one.patch[5:-6]}": [str(f.standing) for f in reversed(one.findings)]
        for one in carried
    }


def test_each_patch_stands_as_it_does_on_each_commit(repo: Path, tmp_path: Path) -> None:
    carried = survey(repo, tmp_path, "north", "south")
    applies, conflicts, upstream = map(str, Standing)
    assert standings(carried) == {
        "north/Fix-the-API": [applies, upstream, upstream],
        "north/Faster-database": [applies, applies, conflicts],
        "north/Two-cards": [applies] * 3,
        "north/A-quota-of-our-own": [applies] * 3,
        "south/Somebody-else-s-fix-of-the-API": [applies, upstream, upstream],
        "south/Two-cards-older": [applies] * 3,
        "south/Only-the-south": [applies] * 3,
    }
    said = {one.patch: one.findings[0].because for one in carried}
    merged = git(repo, "rev-parse", "--short=10", "trunk~1")
    assert said["0001-Fix-the-API.patch"] == f"it is upstream as {merged}; drop it"
    assert "hunk #1 does not apply to db at line" in said["0002-Faster-database.patch"]
    assert carried[0].subject == "Fix the API"


def test_what_several_carry_is_found_by_patch_id_and_by_change_id(
    repo: Path, tmp_path: Path
) -> None:
    groups = shared(survey(repo, tmp_path, "north", "south", last=1))
    assert [[f"{one.operator}/{one.patch}" for one in group] for group in groups] == [
        ["north/0001-Fix-the-API.patch", "south/0001-Somebody-else-s-fix-of-the-API.patch"],
        ["north/0003-Two-cards.patch", "south/0002-Two-cards-older.patch"],
    ]
    assert [len({one.patch_id for one in group}) for group in groups] == [1, 2]
    assert shared(survey(repo, tmp_path, "north", last=1)) == ()


def test_what_is_upstream_in_another_form_is_found(repo: Path, tmp_path: Path) -> None:
    commit(repo, f"Two cards, at last\n\n{CHANGE}", {"net": numbered(30, _10="both cards")})
    commit(repo, "A quota among much else", {"quota": "ours\n", "other": "x\n"})
    found = {one.patch[5:-6]: one.findings[0] for one in survey(repo, tmp_path, "north")}
    assert found["Two-cards"].standing is Standing.UPSTREAM
    assert "in another form" in found["Two-cards"].because
    assert found["A-quota-of-our-own"].standing is Standing.UPSTREAM
    assert "by other commits" in found["A-quota-of-our-own"].because


def test_a_patch_stands_on_those_before_it(repo: Path, tmp_path: Path) -> None:
    git(repo, "checkout", "--quiet", "-b", "west", "trunk~1")
    commit(repo, "One", {"db": numbered(30, _20="west")})
    commit(repo, "Two", {"db": numbered(30, _20="west, again")})
    exported(repo, tmp_path / "west", "trunk~1")
    one, two = survey(repo, tmp_path, "west", last=2)
    assert [f.standing for f in one.findings] == [Standing.CONFLICTS, Standing.APPLIES]
    assert [f.standing for f in two.findings] == [Standing.CONFLICTS, Standing.APPLIES]
    assert two.findings[0].because.endswith("(after 0001-One.patch, which does not apply either)")


def test_twice_is_once_and_nothing_is_left_over(repo: Path, tmp_path: Path) -> None:
    first = survey(repo, tmp_path, "north")
    assert survey(repo, tmp_path, "north") == first
    assert list((tmp_path / "cache").glob("*/survey-*")) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("hello\n", "a.patch of east is no patch"), ("", "a.patch of east is no patch")],
)
def test_what_is_no_patch_is_named(repo: Path, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "east").mkdir()
    (tmp_path / "east" / "a.patch").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        survey(repo, tmp_path, "east")


def test_a_file_of_several_patches_is_refused(repo: Path, tmp_path: Path) -> None:
    both = "".join(path.read_text() for path in sorted((tmp_path / "north").iterdir())[:2])
    (tmp_path / "mbox").mkdir()
    (tmp_path / "mbox" / "all.patch").write_text(both)
    with pytest.raises(ConfigError, match=r"all\.patch of mbox holds 2 patches"):
        survey(repo, tmp_path, "mbox")


def test_no_time_left_stops_it(repo: Path, tmp_path: Path) -> None:
    tip = GitSource(tmp_path / "cache", {}).resolve(str(repo), "trunk", soon())
    with pytest.raises(OutOfTime):
        GitSurvey(tmp_path / "cache", {}).survey([tip], [series(tmp_path / "north")], soon(0))


def test_history_is_a_line_of_first_parents_since_what_is_known(repo: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    tip = GitSource(cache, {}).resolve(str(repo), "trunk", soon())
    history = GitHistory(cache, {})
    everything = history.line(tip, 10, soon())
    assert [c.subject for c in everything] == ["Slower database", "Fix the API, merged", "first"]
    assert history.line(tip, 10, soon(), known=everything[2].sha) == everything[:2]
    assert history.line(tip, 1, soon()) == everything[:1]
    assert history.line(tip, 10, soon(), known="0" * 40) == everything
    assert history.line(tip, 10, soon(), known=tip.sha) == ()


def test_files_and_releases_are_those_of_the_commit_with_its_patches(
    repo: Path, tmp_path: Path
) -> None:
    git(repo, "tag", "33.0.0", "trunk~2")
    git(repo, "tag", "not-a-release", "trunk~1")
    cache = tmp_path / "cache"
    tip = GitSource(cache, {}).resolve(str(repo), "trunk", soon())
    history = GitHistory(cache, {})
    paths = ["api", "quota", "drivers/none.py"]
    assert history.present(tip, (), paths, soon()) == {"api"}
    quota = series(tmp_path / "north").patches[3]
    assert history.present(tip, [quota], paths, soon()) == {"api", "quota"}
    assert history.release(tip, soon()) == "33.0.0"
    git(repo, "tag", "--delete", "33.0.0")

"""The sample product's repository: the same everywhere, and nobody's work is lost."""

from pathlib import Path

import pytest

from orchestrator.lab.sample.make import TRUNK, branches, make
from orchestrator.model.errors import ConfigError
from tests.unit.sample_cloud import git


def heads(repository: Path) -> str:
    return git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")


def test_two_repositories_have_the_same_commits(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "far" / "two")
    assert heads(one) == heads(two)
    assert git(one, "status", "--porcelain") == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_branches_are_those_of_the_tour(tmp_path: Path) -> None:
    repository = make(tmp_path / "sample")
    assert branches() == (TRUNK, "dhcp-names", "does-not-start", "flaky-volumes", "multi-nic")
    assert len(git(repository, "rev-list", TRUNK).split()) >= 5
    for branch in branches()[1:]:
        assert git(repository, "merge-base", TRUNK, branch) == git(repository, "rev-parse", TRUNK)
    subjects = git(repository, "log", "--format=%s", f"{TRUNK}..multi-nic").splitlines()
    assert subjects[-1] == "Move the MAC address to a table of its own"


def test_nothing_happens_the_second_time(tmp_path: Path) -> None:
    repository = make(tmp_path / "sample")
    git(repository, "branch", "--force", "multi-nic", TRUNK)
    before = heads(repository)
    assert make(repository) == repository
    assert heads(repository) == before


def test_an_older_repository_keeps_what_people_did_in_it(tmp_path: Path) -> None:
    repository, fresh = make(tmp_path / "sample"), make(tmp_path / "fresh")
    git(repository, "checkout", "--quiet", "-b", "mine")
    (repository / "README.md").write_text("changed and not committed\n")
    git(repository, "branch", "--force", "multi-nic", TRUNK)
    (repository / ".git" / "smoketest-sample").write_text("older")
    make(repository)
    mine = f"refs/heads/mine {git(repository, 'rev-parse', TRUNK)}"
    assert set(heads(repository).splitlines()) == {*heads(fresh).splitlines(), mine.strip()}
    assert (repository / "README.md").read_text() == "changed and not committed\n"


def test_a_killed_make_leaves_nothing_that_stays(tmp_path: Path) -> None:
    left = tmp_path / ".sample.draft-killed"
    (left / ".git").mkdir(parents=True)
    make(tmp_path / "sample")
    assert not left.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "letter").write_text("dear")
    with pytest.raises(ConfigError, match="is not the sample product's repository"):
        make(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]
    assert (folder / "letter").read_text() == "dear"

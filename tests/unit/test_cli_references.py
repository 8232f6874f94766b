"""`REPO[@REF]`, and the names of runs and cells."""

from pathlib import Path

import pytest

from orchestrator.cli.places import Place, cell_of, place
from orchestrator.cli.references import parse
from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Ref


@pytest.mark.parametrize(
    ("text", "repo", "ref"),
    [
        ("sample", "sample", "HEAD"),
        ("SAMPLE@multi-nic", "sample", "multi-nic"),
        ("sample@feature/x", "sample", "feature/x"),
        ("sample@v1@rc2", "sample", "v1@rc2"),
        # a bare word is an alias whatever folders there are: write ./me@work/repo
        ("me@work/repo", "me", "work/repo"),
        ("sample@1a2b3c4d", "sample", "1a2b3c4d"),
        ("git@github.com:org/x.git", "git@github.com:org/x.git", "HEAD"),
        ("git@github.com:org/x.git@v1", "git@github.com:org/x.git", "v1"),
        ("git@github.com:org/x.git@feature/y", "git@github.com:org/x.git", "feature/y"),
        ("host:org/x", "host:org/x", "HEAD"),
        ("https://h/x", "https://h/x", "HEAD"),
        ("https://h/x@v1", "https://h/x", "v1"),
        ("https://me@h/x", "https://me@h/x", "HEAD"),
        ("https://me@h:8443/x.git@feature/y", "https://me@h:8443/x.git", "feature/y"),
        ("ssh://git@h/x@refs/changes/01/1/2", "ssh://git@h/x", "refs/changes/01/1/2"),
        ("file:///srv/x@trunk", "file:///srv/x", "trunk"),
        ("/nowhere/x@trunk", "/nowhere/x", "trunk"),
        ("/nowhere/x", "/nowhere/x", "HEAD"),
    ],
)
def test_repo_and_ref(text: str, repo: str, ref: str) -> None:
    assert parse(text) == Ref(repo=repo, ref=ref)


@pytest.mark.parametrize(
    ("text", "folder", "ref"),
    [
        ("./repo", "repo", "HEAD"),
        ("./repo@feature/x", "repo", "feature/x"),
        ("./repo@v1@rc2", "repo", "v1@rc2"),
        (".@trunk", ".", "trunk"),
        ("./me@work/repo", "me@work/repo", "HEAD"),
        ("./me@work/repo@trunk", "me@work/repo", "trunk"),
        ("me/src/../../repo", "repo", "HEAD"),
        ("./absent@trunk", "absent", "trunk"),
    ],
)
def test_folders_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, folder: str, ref: str
) -> None:
    for name in ("repo", "me@work/repo", "me/work"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse(text) == Ref(repo=str((tmp_path / folder).resolve()), ref=ref)


@pytest.mark.parametrize("text", ["", "sample@", "@trunk", "https://h/x@", "./x@"])
def test_half_a_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="REPO@REF"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "run", "arch"),
    [
        ("12", 12, ""),
        ("#12", 12, ""),
        ("12/kvm-flat", 12, "kvm-flat"),
        ("12/kvm+xenserver/2", 12, "kvm+xenserver"),
        ("http://127.0.0.1:8470/runs/12", 12, ""),
        ("http://127.0.0.1:8470/cells/12/kvm-flat", 12, "kvm-flat"),
    ],
)
def test_places(text: str, run: int, arch: str) -> None:
    assert place(text) == Place(run=run, arch=arch)


@pytest.mark.parametrize("text", ["", "kvm-flat", "12/", "-3", "12/a/b", "12 13"])
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        cell_of(text)

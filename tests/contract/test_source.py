"""The law of the source port, over the git driver and real repositories."""

import multiprocessing
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.source.git import GitSource
from orchestrator.model.errors import Cancelled, ConfigError, NotFound, OutOfTime, PatchFailed
from orchestrator.model.request import Commit, Patch
from orchestrator.ports.clock import Deadline
from orchestrator.ports.source import Source
from tests.contract.procs import naming

LINES = [f"line {number}\n" for number in range(1, 61)]


def soon(seconds: float = 20) -> Deadline:
    return Deadline(SystemClock(), seconds)


def git(folder: Path, *argv: str) -> str:
    who = {
        f"GIT_{role}_{key}": "x@y" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", *argv], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, subject: str, **files: str) -> str:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "stratus"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    commit(folder, "first", api="".join(LINES), other="x\n")
    git(folder, "tag", "-a", "v1", "-m", "a tag object")
    git(folder, "branch", "multi-nic")
    commit(folder, "second: the newest", other="y\n")
    return folder


@pytest.fixture
def source(tmp_path: Path, repo: Path) -> Source:
    return GitSource(tmp_path / "cache", {"stratus": str(repo)})


def patch(folder: Path, change: Callable[[list[str]], None], name: str = "0001-foo.patch") -> Patch:
    """A patch from what `change` does to the lines of `api`; the repository stays as it was."""
    lines = (folder / "api").read_text().splitlines(keepends=True)
    change(lines)
    (folder / "api").write_text("".join(lines))
    text = git(folder, "diff") + "\n"
    git(folder, "checkout", "--quiet", "api")
    return Patch(name=name, text=text)


def edit(*rows: int) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        for row in rows:
            lines[row - 1] = f"changed {row}\n"

    return change


def unpacked(archive: str) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {m.name: file.read() for m in tar if (file := tar.extractfile(m))}


def test_resolves_branch_tag_commit_and_abbreviation(source: Source, repo: Path) -> None:
    head, first = git(repo, "rev-parse", "HEAD"), git(repo, "rev-parse", "HEAD~1")
    expected = {
        "trunk": head,
        "HEAD": head,
        "multi-nic": first,
        "v1": first,
        first: first,
        first[:9]: first,
        first[:12].upper(): first,
        "refs/heads/multi-nic": first,
    }
    for ref, sha in expected.items():
        assert source.resolve("stratus", ref, soon()).sha == sha, ref
    assert source.resolve("stratus", "trunk", soon()) == Commit(
        repo="stratus", ref="trunk", sha=head, subject="second: the newest"
    )


def test_resolve_sees_what_was_pushed_since(source: Source, repo: Path) -> None:
    old = source.resolve("stratus", "trunk", soon())
    new = commit(repo, "third", other="z\n")
    assert source.resolve("stratus", "trunk", soon()).sha == new != old.sha
    git(repo, "reset", "--quiet", "--hard", old.sha)  # a forced push
    assert source.resolve("stratus", "trunk", soon()) == old
    git(repo, "branch", "-D", "multi-nic")
    assert source.branches("stratus", soon()) == ("trunk",)


def test_a_change_outside_branches_is_fetched_by_its_full_name(source: Source, repo: Path) -> None:
    change = git(repo, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "a change")
    git(repo, "update-ref", "refs/changes/34/1234/1", change)
    assert source.resolve("stratus", "refs/changes/34/1234/1", soon()).sha == change
    with pytest.raises(NotFound):
        source.resolve("stratus", "refs/changes/34/1234/2", soon())


def test_an_unknown_ref_names_its_neighbours(source: Source) -> None:
    with pytest.raises(
        NotFound, match="no branch, tag or commit 'mutli-nic': did you mean multi-nic"
    ):
        source.resolve("stratus", "mutli-nic", soon())
    with pytest.raises(NotFound, match="'zzzzzz': no branch or tag is called alike"):
        source.resolve("stratus", "zzzzzz", soon())


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch x", "-b", "trunk~1", "trunk^{/second}", "a b", "\x1b[31m", ":/sec"]
)
def test_what_is_not_a_plain_ref_is_refused(source: Source, ref: str) -> None:
    with pytest.raises(NotFound):
        source.resolve("stratus", ref, soon())


@pytest.mark.parametrize(
    ("repo", "words"),
    [
        ("nova", "nor an alias of the lab .stratus."),
        ("/nowhere/at/all", "not a folder"),
        ("file:///nowhere/at/all", "does not appear to be a git repository|does not exist"),
        ("http://127.0.0.1:9/x.git", "Failed to connect|refused"),
        ("ext::sh -c touch% /tmp/never", "not a repository's path or URL"),
        ("--upload-pack=touch", "not a repository's path or URL"),
    ],
)
def test_a_repository_out_of_reach_is_a_config_error(source: Source, repo: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        source.resolve(repo, "trunk", soon())


def test_a_password_in_a_url_is_neither_used_nor_shown(source: Source) -> None:
    secret = os.urandom(8).hex()
    with pytest.raises(ConfigError, match="holds a password") as raised:
        source.resolve(f"https://user:{secret}@example.invalid/x", "trunk", soon())
    assert secret not in str(raised.value)


def test_another_users_repository_can_be_read(source: Source, repo: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    for path in [repo, *repo.rglob("*")]:
        os.chown(path, 65534, 65534)
    assert source.resolve("stratus", "trunk", soon()).subject == "second: the newest"


def test_pack_holds_what_was_committed_and_nothing_else(source: Source, repo: Path) -> None:
    (repo / ".gitattributes").write_text(
        "other export-ignore\napi export-subst eol=crlf filter=evil\n"
    )
    sha = commit(repo, "attributes", api="$Format:%H$\n")
    snapshot = source.pack(source.resolve("stratus", sha, soon()), (), soon())
    files = unpacked(snapshot.archive)
    assert files["other"] == b"y\n"
    assert files["api"] == b"$Format:%H$\n"
    assert snapshot.commit.patched == ""


def test_pack_lays_patches_on_top_in_order(source: Source, repo: Path) -> None:
    found = source.resolve("stratus", "trunk", soon())
    one = patch(repo, edit(5), "0001-five.patch")
    two = Patch(
        name="0002-again.patch",
        text=one.text.replace("-line 5", "-changed 5").replace("+changed 5", "+twice 5"),
    )
    snapshot = source.pack(found, (one, two), soon())
    assert b"twice 5\n" in unpacked(snapshot.archive)["api"]
    assert snapshot.commit.sha == found.sha
    assert len(snapshot.commit.patched) == 64
    assert snapshot.commit.name == f"{found.sha[:10]}+{snapshot.commit.patched[:6]}"
    assert not git(repo, "status", "--porcelain")


def test_packing_twice_gives_the_same_file_and_packing_anew_the_same_bytes(
    source: Source, repo: Path, tmp_path: Path
) -> None:
    found = source.resolve("stratus", "trunk", soon())
    patches = (patch(repo, edit(5)),)
    first = source.pack(found, patches, soon())
    stamp = Path(first.archive).stat().st_mtime_ns
    assert source.pack(found, patches, soon()) == first
    assert Path(first.archive).stat().st_mtime_ns == stamp
    time.sleep(1.1)  # a tar of a tree would carry the present time, in seconds
    anew = GitSource(tmp_path / "elsewhere", {"stratus": str(repo)}).pack(found, patches, soon())
    assert Path(anew.archive).read_bytes() == Path(first.archive).read_bytes()


def test_pack_works_after_the_cache_was_emptied(source: Source, tmp_path: Path) -> None:
    found = source.resolve("stratus", "multi-nic", soon())
    shutil.rmtree(tmp_path / "cache")
    assert unpacked(source.pack(found, (), soon()).archive)["other"] == b"x\n"


def test_a_patch_that_does_not_apply_is_named_with_its_file_and_hunk(
    source: Source, repo: Path
) -> None:
    found = source.resolve("stratus", "trunk", soon())
    good = patch(repo, edit(5, 45))
    bad = Patch(name=good.name, text=good.text.replace("-line 45", "-line forty-five"))
    with pytest.raises(PatchFailed) as raised:
        source.pack(found, (bad,), soon())
    assert str(raised.value) == (
        f"0001-foo.patch: hunk #2 does not apply to api at line 42 of {found.sha[:10]};"
        " rebase it on that commit"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no patch at all\n", "0001-foo.patch: No valid patches in input"),
        ("--- a/gone\n+++ b/gone\n@@ -1 +1 @@\n-x\n+y\n", "0001-foo.patch: gone: does not exist"),
        ("--- a/../../etc/x\n+++ b/../../etc/x\n@@ -1 +1 @@\n-x\n+y\n", "0001-foo.patch: "),
        ("--- a/api\n+++ b/api\n@@ -1,9 +1 @@\n-x\n", "0001-foo.patch: corrupt patch at line"),
    ],
)
def test_an_unusable_patch_is_named(source: Source, text: str, words: str) -> None:
    found = source.resolve("stratus", "trunk", soon())
    with pytest.raises(PatchFailed, match=words):
        source.pack(found, (Patch(name="0001-foo.patch", text=text),), soon())


def test_nothing_of_the_product_is_run(source: Source, repo: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    for name in ("post-checkout", "reference-transaction", "post-update", "pre-applypatch"):
        hook = repo / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
        hook.chmod(0o755)
    (repo / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(repo, "-c", f"filter.evil.clean=touch {witness}-setup; cat", "add", "--all")
    sha, change = commit(repo, "evil"), patch(repo, edit(3))
    assert witness.exists()  # the hooks do work, for whoever runs git in that folder
    witness.unlink()
    source.pack(source.resolve("stratus", sha, soon()), (change,), soon())
    assert not witness.exists()


def resolve_and_pack(cache: Path, repo: Path) -> None:
    source = GitSource(cache, {"stratus": str(repo)})
    source.pack(source.resolve("stratus", "trunk", soon()), (), soon())


def test_killed_at_any_instant_and_called_again(tmp_path: Path, repo: Path) -> None:
    cache = tmp_path / "killed"
    context = multiprocessing.get_context("fork")
    for number in range(12):
        process = context.Process(target=resolve_and_pack, args=(cache, repo))
        process.start()
        process.join(0.006 * number)
        process.kill()
        process.join()
    mirror = next(iter(cache.glob("*/mirror.git")))
    (mirror / "packed-refs.lock").touch()
    (mirror / "refs/heads/trunk.lock").touch()
    resolve_and_pack(cache, repo)
    assert len(list(cache.glob("packs/*.tar.gz"))) == 1


def test_many_processes_share_a_cache(tmp_path: Path, repo: Path) -> None:
    context = multiprocessing.get_context("fork")
    cache = tmp_path / "shared"
    crowd = [context.Process(target=resolve_and_pack, args=(cache, repo)) for _ in range(5)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(30)
    assert [process.exitcode for process in crowd] == [0] * 5


class Silence:
    """A server that takes connections and never says a word."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"git://127.0.0.1:{self.socket.getsockname()[1]}/silent"


def test_a_deadline_is_kept_and_leaves_no_process(source: Source) -> None:
    silence = Silence()
    began = time.monotonic()
    with silence.socket, pytest.raises(OutOfTime):
        source.resolve(silence.url, "trunk", soon(0.7))
    assert time.monotonic() - began < 2
    assert not naming(silence.url)


def test_no_time_left_asks_nothing(source: Source) -> None:
    for call in (source.branches, lambda repo, by: source.resolve(repo, "trunk", by)):
        with pytest.raises(OutOfTime):
            call("stratus", soon(0))


def test_a_cancelled_attempt_stops_within_a_second(source: Source) -> None:
    stop = threading.Event()

    def guard() -> None:
        if stop.is_set():
            raise Cancelled

    silence = Silence()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with silence.socket, pytest.raises(Cancelled):
        source.resolve(silence.url, "trunk", Deadline(SystemClock(), 30, guard))
    assert time.monotonic() - began < 2
    assert not naming(silence.url)


def test_a_second_caller_waits_for_the_first_no_longer_than_its_deadline(source: Source) -> None:
    silence = Silence()

    def hang() -> None:
        with pytest.raises(OutOfTime):
            source.resolve(silence.url, "a", soon(2))

    with silence.socket:
        first = threading.Thread(target=hang)
        first.start()
        time.sleep(0.3)
        with pytest.raises(OutOfTime):
            source.resolve(silence.url, "b", soon(0.5))
        first.join()


def test_the_archive_is_plain_gzip_without_a_time(source: Source) -> None:
    snapshot = source.pack(source.resolve("stratus", "trunk", soon()), (), soon())
    assert Path(snapshot.archive).read_bytes()[4:8] == bytes(4)
    assert sorted(unpacked(snapshot.archive)) == ["api", "other"]

"""The past of git repositories, read in their mirrors."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.drivers.source.mirrors import Mirrors, need, peel
from orchestrator.drivers.source.process import Git
from orchestrator.drivers.source.tree import patched_commit
from orchestrator.model.request import Commit, Patch
from orchestrator.ports.clock import Deadline


class GitHistory:
    """Reads history in the mirrors below a cache folder, which `GitSource` may share."""

    def __init__(self, cache: Path, aliases: Mapping[str, str]) -> None:
        """Take the cache folder and the lab's names for repositories (name to path or URL)."""
        self._mirrors = Mirrors(cache, aliases)

    def line(
        self, commit: Commit, limit: int, deadline: Deadline, *, known: str = ""
    ) -> tuple[Commit, ...]:
        """Return the commit and its first parents, newest first, without what `known` has."""
        git = self._mirror(commit, deadline)
        options = ["log", "--first-parent", f"--max-count={limit}", "--format=%H %s", commit.sha]
        if known and peel(git, known, deadline):
            options.append(f"^{known}")
        rows = git.must(*options, deadline=deadline).splitlines()
        pairs = (row.partition(" ") for row in rows)
        return tuple(
            Commit(repo=commit.repo, ref=commit.ref, sha=sha, subject=subject)
            for sha, _, subject in pairs
        )

    def present(
        self, commit: Commit, patches: Sequence[Patch], paths: Sequence[str], deadline: Deadline
    ) -> frozenset[str]:
        """Return which of the paths are in the commit's files, with the patches on top."""
        git = self._mirror(commit, deadline)
        with tempfile.TemporaryDirectory(prefix="tree-", dir=git.folder.parent) as scratch:
            sha = commit.sha
            if patches:
                sha = patched_commit(git, commit, patches, Path(scratch) / "index", deadline)
        found = (
            git.run("cat-file", "-e", f"{sha}:{path.strip('/')}", deadline=deadline).code == 0
            for path in paths
        )
        return frozenset(path for path, there in zip(paths, found, strict=True) if there)

    def files(self, commit: Commit, deadline: Deadline) -> tuple[str, ...]:
        """Return the path of every file of the commit, sorted."""
        git = self._mirror(commit, deadline)
        listed = git.must("ls-tree", "-r", "-z", "--name-only", commit.sha, deadline=deadline)
        return tuple(sorted(path for path in listed.split("\0") if path))

    def release(self, commit: Commit, deadline: Deadline) -> str:
        """Return the newest release tag in the commit's past, without its `v`, or nothing."""
        git = self._mirror(commit, deadline)
        options = ("--tags", "--abbrev=0", "--match=[0-9]*", "--match=v[0-9]*")
        done = git.run("describe", *options, commit.sha, deadline=deadline)
        return done.out.strip().removeprefix("v") if done.code == 0 else ""

    def _mirror(self, commit: Commit, deadline: Deadline) -> Git:
        """Return git in the mirror of the commit's repository, which has the commit."""
        url = self._mirrors.url(commit.repo)
        with self._mirrors.locked(url, deadline) as git:
            need(git, url, commit, deadline)
        return self._mirrors.git(url)

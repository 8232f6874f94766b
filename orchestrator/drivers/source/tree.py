"""Trees with patches on top, made in an index of their own: no work tree is ever laid out."""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.drivers.source.patches import refusal
from orchestrator.drivers.source.process import Git
from orchestrator.model.errors import PatchFailed
from orchestrator.model.request import Commit, Patch
from orchestrator.ports.clock import Deadline

_APPLY = ("apply", "--cached", "--whitespace=nowarn")


class Tree:
    """A commit's files in the index file at `index`, which the caller removes."""

    def __init__(self, git: Git, sha: str, index: Path, deadline: Deadline) -> None:
        """Read the files of commit `sha`."""
        self._git = git
        self._env = [("GIT_INDEX_FILE", str(index))]
        self._deadline = deadline
        git.must("read-tree", sha, deadline=deadline, env=self._env)

    def lay(self, patch: Patch) -> str:
        """Lay the patch on top, whole or not at all; return what git complains of, or nothing."""
        return self._apply(patch)

    def contains(self, patch: Patch) -> bool:
        """Return whether the patch's changes are in the files already."""
        return not self._apply(patch, "--check", "--reverse")

    def name(self) -> str:
        """Return the tree's own name."""
        return self._git.must("write-tree", deadline=self._deadline, env=self._env)

    def _apply(self, patch: Patch, *options: str) -> str:
        done = self._git.run(
            *_APPLY, *options, "-", deadline=self._deadline, stdin=patch.text, env=self._env
        )
        return (done.err or f"it ended with {done.code}") if done.code else ""


def patched_commit(
    git: Git, commit: Commit, patches: Sequence[Patch], index: Path, deadline: Deadline
) -> str:
    """Return a commit of ours with the patches on top; raise `PatchFailed`."""
    tree = Tree(git, commit.sha, index, deadline)
    for patch in patches:
        if complaint := tree.lay(patch):
            raise PatchFailed(refusal(patch, commit, complaint))
    date = git.must("show", "--no-patch", "--format=%ct +0000", commit.sha, deadline=deadline)
    env = []
    for who in ("AUTHOR", "COMMITTER"):  # fixed, so that equal patches give equal bytes
        env += [(f"GIT_{who}_NAME", "smoketest"), (f"GIT_{who}_EMAIL", "smoketest@localhost")]
        env += [(f"GIT_{who}_DATE", date)]
    message = "patched\n"
    return git.must(
        "commit-tree", tree.name(), "-p", commit.sha, deadline=deadline, stdin=message, env=env
    )

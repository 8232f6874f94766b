"""Git repositories, mirrored once and packed by commit; hooks, filters and helpers stay off."""

import difflib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.drivers.source.mirrors import Mirrors, fetch, find, need
from orchestrator.drivers.source.patches import digest
from orchestrator.drivers.source.process import Git
from orchestrator.drivers.source.tree import patched_commit
from orchestrator.model.errors import NotFound
from orchestrator.model.request import Commit, Patch, Snapshot
from orchestrator.ports.clock import Deadline


class GitSource:
    """Reads repositories through a bare mirror of each, kept in a cache folder.

    Any process may be killed at any point and several may share the cache.
    """

    def __init__(self, cache: Path, aliases: Mapping[str, str]) -> None:
        """Take the cache folder and the lab's names for repositories (name to path or URL)."""
        self._mirrors = Mirrors(cache, aliases)

    def resolve(self, repo: str, ref: str, deadline: Deadline) -> Commit:
        """Return the commit that a branch, tag or commit (abbreviated or not) names now."""
        url = self._mirrors.url(repo)
        if ref.startswith("-") or not ref.isprintable() or " " in ref:
            msg = f"{ref!r} cannot be a branch, tag or commit of {repo}"
            raise NotFound(msg)
        with self._mirrors.locked(url, deadline) as git:
            fetch(git, url, ref, deadline)
            found = find(git, ref, deadline)
            if not found:
                raise NotFound(_unknown(repo, ref, _names(git, deadline)))
            return Commit(repo=repo, ref=ref, sha=found, subject=_subject(git, found, deadline))

    def pack(self, commit: Commit, patches: Sequence[Patch], deadline: Deadline) -> Snapshot:
        """Return the commit's files, patches applied in order, as a gzipped tar archive.

        The same commit and patches give the same bytes at the same path, packed once.
        """
        patched = digest(patches)
        result = Commit(
            repo=commit.repo,
            ref=commit.ref,
            sha=commit.sha,
            subject=commit.subject,
            patched=patched,
        )
        archive = (
            self._mirrors.cache / "packs" / f"{commit.sha}{f'-{patched}' if patched else ''}.tar.gz"
        )
        if not archive.exists():
            url = self._mirrors.url(commit.repo)
            with self._mirrors.locked(url, deadline) as git:
                need(git, url, commit, deadline)
            self._pack(self._mirrors.git(url), commit, patches, archive, deadline)
        return Snapshot(commit=result, archive=str(archive.absolute()))

    def branches(self, repo: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the names of the repository's branches now, sorted."""
        url = self._mirrors.url(repo)
        with self._mirrors.locked(url, deadline) as git:
            fetch(git, url, "", deadline)
            return tuple(sorted(_names(git, deadline, "refs/heads")))

    def _pack(
        self, git: Git, commit: Commit, patches: Sequence[Patch], archive: Path, deadline: Deadline
    ) -> None:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pack-", dir=archive.parent) as scratch:
            draft = Path(scratch) / "draft.tar.gz"
            sha = commit.sha
            if patches:
                sha = patched_commit(git, commit, patches, Path(scratch) / "index", deadline)
            git.must("archive", "--format=tar.gz", f"--output={draft}", sha, deadline=deadline)
            draft.replace(archive)


def _names(git: Git, deadline: Deadline, *below: str) -> list[str]:
    where = below or ("refs/heads", "refs/tags")
    listed = git.must("for-each-ref", "--format=%(refname:lstrip=2)", *where, deadline=deadline)
    return listed.splitlines()


def _subject(git: Git, sha: str, deadline: Deadline) -> str:
    return git.must("show", "--no-patch", "--format=%s", sha, deadline=deadline)


def _unknown(repo: str, ref: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(ref, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "no branch or tag is called alike"
    return f"{repo} has no branch, tag or commit {ref!r}: {hint}"

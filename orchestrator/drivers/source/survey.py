"""What operators carry, laid on commits of a git repository one patch at a time."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.drivers.source.mirrors import Mirrors, need
from orchestrator.drivers.source.patches import refusal
from orchestrator.drivers.source.process import Git
from orchestrator.drivers.source.tree import Tree
from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Commit, Patch
from orchestrator.model.series import Carried, Finding, Series, Standing
from orchestrator.ports.clock import Deadline

_CHANGE_ID = re.compile(r"^Change-Id: (I[0-9a-f]{40})\s*$", re.MULTILINE)
_SUBJECT = re.compile(r"^Subject: ?(.+(?:\n[ \t].+)*)", re.MULTILINE)
_TAG = re.compile(r"^\[[^\]]*PATCH[^\]]*\] *")
_RENAMES = re.compile(r"^rename from ", re.MULTILINE)
_COMMIT = "%x00%H %(trailers:key=Change-Id,valueonly,separator=%x20)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A patch to be looked for: its file, its ids, and the paths that it changes."""

    patch: Patch
    carried: Carried
    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merged:
    """What the product's history has of what is carried, by patch-id and by Change-Id."""

    git: Git
    by_patch: Mapping[str, str]
    by_change: Mapping[str, str]
    deadline: Deadline

    def upstream(self, known: Carried, commit: Commit) -> str:
        """Return why the commit has that change already, or nothing."""
        sha = self.by_patch.get(known.patch_id, "")
        if sha and self._has(commit, sha):
            return f"it is upstream as {sha[:10]}; drop it"
        sha = self.by_change.get(known.change_id, "") if known.change_id else ""
        if sha and self._has(commit, sha):
            return f"its change is upstream as {sha[:10]}, in another form; compare, and drop it"
        return ""

    def _has(self, commit: Commit, sha: str) -> bool:
        argv = ("merge-base", "--is-ancestor", sha, commit.sha)
        return self.git.run(*argv, deadline=self.deadline).code == 0


class GitSurvey:
    """Surveys series in the mirrors below a cache folder, which `GitSource` may share."""

    def __init__(self, cache: Path, aliases: Mapping[str, str]) -> None:
        """Take the cache folder and the lab's names for repositories (name to path or URL)."""
        self._mirrors = Mirrors(cache, aliases)

    def survey(
        self, commits: Sequence[Commit], series: Sequence[Series], deadline: Deadline
    ) -> tuple[Carried, ...]:
        """Return how each patch of each series stands on each of the commits."""
        url = self._mirrors.url(commits[0].repo)
        with self._mirrors.locked(url, deadline) as git:
            for commit in commits:
                need(git, url, commit, deadline)
        git = self._mirrors.git(url)
        stacks = [[_known(git, one.operator, p, deadline) for p in one.patches] for one in series]
        everything = [known for stack in stacks for known in stack]
        merged = _merged(git, commits, everything, deadline)
        return tuple(
            carried for stack in stacks for carried in _stood(merged, commits, stack, deadline)
        )


def _stood(
    merged: _Merged, commits: Sequence[Commit], stack: Sequence[_Known], deadline: Deadline
) -> tuple[Carried, ...]:
    """Return the patches of one operator with what was found on each commit."""
    columns = [tuple(_on(merged, commit, stack, deadline)) for commit in commits]
    rows = zip(*columns, strict=True) if columns else ()
    return tuple(
        replace(known.carried, findings=tuple(row)) for known, row in zip(stack, rows, strict=True)
    )


def _on(
    merged: _Merged, commit: Commit, stack: Sequence[_Known], deadline: Deadline
) -> Iterator[Finding]:
    """Yield how each patch stands on the commit, with those before it that could be laid on."""
    folder = merged.git.folder.parent
    with tempfile.TemporaryDirectory(prefix="survey-", dir=folder) as scratch:
        plain = Tree(merged.git, commit.sha, Path(scratch) / "plain", deadline)
        laid = Tree(merged.git, commit.sha, Path(scratch) / "laid", deadline)
        refused: list[_Known] = []
        for known in stack:
            because = merged.upstream(known.carried, commit)
            complaint = "" if because else laid.lay(known.patch)
            if complaint and plain.contains(known.patch):
                because = "all that it changes is upstream already, by other commits; drop it"
            if because:
                yield Finding(commit=commit, standing=Standing.UPSTREAM, because=because)
            elif complaint:
                why = refusal(known.patch, commit, complaint) + _behind(known, refused)
                yield Finding(commit=commit, standing=Standing.CONFLICTS, because=why)
                refused.append(known)
            else:
                yield Finding(commit=commit, standing=Standing.APPLIES)


def _behind(known: _Known, refused: Sequence[_Known]) -> str:
    """Return which earlier patch of the series may be what is missing."""
    before = [other.patch.name for other in refused if other.paths & known.paths]
    return f" (after {before[0]}, which does not apply either)" if before else ""


def _known(git: Git, operator: str, patch: Patch, deadline: Deadline) -> _Known:
    """Return what can be told of the patch from itself; raise `ConfigError` if it is none."""
    where = f"{patch.name} of {operator}"
    ids = _ids(git, patch.text, deadline)
    if len(ids) > 1:
        msg = f"{where} holds {len(ids)} patches: keep each in a file of its own, in order"
        raise ConfigError(msg)
    counted = git.run("apply", "--numstat", "-z", "-", deadline=deadline, stdin=patch.text)
    if not ids or counted.code:
        msg = f"{where} is no patch: write it with `git format-patch` or `git diff`"
        raise ConfigError(msg)
    paths = (row.split("\t", 2)[-1] for row in counted.out.split("\0") if row)
    change = _CHANGE_ID.search(patch.text)
    carried = Carried(
        operator=operator,
        patch=patch.name,
        subject=_subject(patch.text),
        patch_id=ids[0][0],
        change_id=change[1] if change else "",
        findings=(),
    )
    return _Known(patch=patch, carried=carried, paths=frozenset(paths))


def _subject(text: str) -> str:
    found = _SUBJECT.search(text)
    return _TAG.sub("", " ".join(found[1].split())) if found else ""


def _ids(git: Git, text: str, deadline: Deadline) -> tuple[tuple[str, str], ...]:
    """Return (patch-id, commit) of each patch in the text."""
    out = git.must("patch-id", "--stable", deadline=deadline, stdin=text)
    pairs = (row.split() for row in out.splitlines())
    return tuple((pair[0], pair[1]) for pair in pairs)


def _merged(
    git: Git, commits: Sequence[Commit], carried: Sequence[_Known], deadline: Deadline
) -> _Merged:
    """Return what the commits' past has of what is carried; diffs are made of the likely only."""
    paths = sorted(frozenset[str]().union(*(known.paths for known in carried)))
    by_change: dict[str, str] = {}
    likely: list[str] = []
    for sha, change, touched in _touching(git, commits, paths, deadline):
        by_change.setdefault(change, sha)
        if any(_could_be(known, touched) for known in carried):
            likely.append(sha)
    options = ("--stdin", "--root", "-p")
    named = "".join(f"{sha}\n" for sha in likely)
    diffs = git.must("diff-tree", *options, deadline=deadline, stdin=named)
    return _Merged(
        git=git,
        by_patch=dict(_ids(git, diffs + "\n", deadline)),
        by_change=by_change,
        deadline=deadline,
    )


def _touching(
    git: Git, commits: Sequence[Commit], paths: Sequence[str], deadline: Deadline
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield (commit, Change-Id, all paths that it changes) of those that change any of `paths`."""
    if not paths:
        return
    options = ("--no-merges", "--no-renames", "--full-diff", "--name-only", f"--format={_COMMIT}")
    tips = [commit.sha for commit in commits]
    out = git.must("log", *options, *tips, "--", *paths, deadline=deadline)
    for block in filter(None, out.split("\0")):
        head, *touched = block.splitlines()
        sha, _, change = head.partition(" ")
        yield sha, change.split(" ")[-1], frozenset(filter(None, touched))


def _could_be(known: _Known, touched: frozenset[str]) -> bool:
    if _RENAMES.search(known.patch.text):
        return known.paths <= touched
    return known.paths == touched

"""What git says about a patch that does not apply, in a person's words."""

import re
from collections.abc import Iterable
from hashlib import sha256

from orchestrator.model.request import Commit, Patch

_HUNK = re.compile(r"@@ -(\d+)")
_FILE = re.compile(r"(?:---|\+\+\+) (?:[ab]/)?([^\t\n]+)")
_FAILED = re.compile(r"error: patch failed: (.+):(\d+)")


def digest(patches: Iterable[Patch]) -> str:
    """Return the sha256 of the patches' texts in their order, or nothing when there are none."""
    each = [sha256(patch.text.encode()).hexdigest() for patch in patches]
    return sha256("".join(each).encode()).hexdigest() if each else ""


def refusal(patch: Patch, commit: Commit, complaint: str) -> str:
    """Return one sentence that names the patch, and the file and hunk where git stopped.

    `complaint` is what `git apply` wrote to its standard error.
    """
    where = _FAILED.search(complaint)
    if not where:
        return f"{patch.name}: {_first(complaint)} (on {commit.sha[:10]})"
    path, line = where[1], int(where[2])
    hunk = _hunk(patch.text, path, line)
    return (
        f"{patch.name}: {f'hunk #{hunk}' if hunk else 'a hunk'} does not apply to {path}"
        f" at line {line} of {commit.sha[:10]}; rebase it on that commit"
    )


def _first(complaint: str) -> str:
    lines = (line.removeprefix("error:").removeprefix("fatal:") for line in complaint.splitlines())
    return next((line.strip() for line in lines if line.strip()), "git cannot read it")


def _hunk(text: str, path: str, line: int) -> int:
    """Return which hunk (from 1) of `path` starts at `line` of the old file, or 0."""
    current, count = "", 0
    for row in text.splitlines():
        if row.startswith("diff --git"):
            count = 0
        elif row.startswith(("--- ", "+++ ")) and (found := _FILE.match(row)):
            current = found[1] if found[1] != "/dev/null" else current
            count = 0
        elif found := _HUNK.match(row):
            count += 1
            if current == path and int(found[1]) == line:
                return count
    return 0

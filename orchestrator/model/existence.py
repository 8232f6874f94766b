"""For which commits of the product an arch has something to test."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.model.document import Entry
from orchestrator.model.request import Commit

_RELEASE = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Existence:
    """For which commits of the product there is something to test, e.g. the hypervisor's driver."""

    #: whose commits are looked at, by alias or the last part of its address; empty: whatever is
    #: under test
    repo: str = ""
    #: all of these must be among the commit's files
    files: tuple[str, ...] = ()
    #: the first release with it, and the first without it; empty: always
    since: str = ""
    until: str = ""
    #: why that is so, for whoever wonders
    because: str = ""

    @property
    def bounded(self) -> bool:
        """Return whether the commit's release matters."""
        return bool(self.since or self.until)


def absence(wanted: Existence, commit: Commit, files: Collection[str], release: str) -> str:
    """Return why a commit with these `files`, made after `release`, is not for the arch.

    Nothing if it is. An unknown release is within all bounds.
    """
    missing_files = [path for path in wanted.files if path not in files]
    why = ""
    if missing_files:
        why = f"{commit.name} has no {' and no '.join(missing_files)}"
    elif release and wanted.since and _number(release) < _number(wanted.since):
        why = f"{commit.name} is of {release}, and it came with {wanted.since}"
    elif release and wanted.until and _number(release) >= _number(wanted.until):
        why = f"{commit.name} is of {release}, and it was gone by {wanted.until}"
    return f"{wanted.because}: {why}" if why and wanted.because else why


def by_word(entry: Entry) -> bool:
    """Return whether the table says it for some members of a family each."""
    return any(isinstance(below.value, Mapping) for below in entry.table().values())


def read(entry: Entry, words: Collection[str]) -> Existence | None:
    """Return for which commits an arch that is called by `words` has something to test."""
    if by_word(entry):
        entry = next((below for word, below in entry.table().items() if word in words), entry[""])
    if not entry.written:
        return None
    keys = entry.table("repo", "file", "since", "until", "because")
    if not {"file", "since", "until"} & keys.keys():
        raise entry.wrong(f"`{entry.name}` says nothing; give `file`, `since` or `until`")
    file = entry["file"]
    one = (file.text(),) if file.written and not isinstance(file.value, tuple) else file.texts()
    return Existence(
        repo=entry["repo"].text(""),
        files=one,
        since=_release(entry["since"]),
        until=_release(entry["until"]),
        because=entry["because"].text(""),
    )


def _release(entry: Entry) -> str:
    if not entry.written:
        return ""
    found = str(entry.value)
    if not _RELEASE.fullmatch(found):
        raise entry.wrong(f"`{entry.name}` is no release; write its number, e.g. `22.0.0`")
    return found


def _number(version: str) -> tuple[int, ...]:
    """Return a version's numbers before its first letter, e.g. (33, 0, 0, 0) of `33.0.0.0rc1`."""
    numeric = re.match(r"[\d.]*", version)
    numbers = [int(part) for part in (numeric[0] if numeric else "").split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

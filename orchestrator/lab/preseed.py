"""Reads Debian installer answers (a preseed file) as the installer's debconf does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TYPES = frozenset(
    (
        *("string", "boolean", "select", "multiselect", "note", "text", "password"),
        *("title", "error", "info", "entropy", "seen"),
    )
)
_ENTRY = re.compile(r"\s*(?P<owner>\S+)\s+(?P<question>\S+)\s+(?P<kind>\S+)(?:\s(?P<value>.*))?")
_QUESTION = re.compile(r"[A-Za-z0-9][\w.+-]*(/[\w.+:-]+)+")
_BOOLEAN = frozenset({"true", "false"})


class PreseedError(ValueError):
    """The file cannot be read; `line` counts from 1, `reason` is a sentence without it."""

    def __init__(self, line: int, reason: str) -> None:
        """Say where and what."""
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, and the line it begins on."""

    owner: str
    question: str
    kind: str
    value: str
    line: int


def parse(text: str) -> Mapping[str, Answer]:
    """Return the answers by question; of several for one question the last holds.

    Raises `PreseedError` for the first entry that debconf would refuse.
    """
    answers: dict[str, Answer] = {}
    for line, entry in _entries(text):
        answer = _answer(line, entry)
        if answer.kind != "seen":
            answers[answer.question] = answer
    return answers


def _entries(text: str) -> list[tuple[int, str]]:
    """Logical lines: a backslash at the end joins the next line to it."""
    entries: list[tuple[int, str]] = []
    first, held = 0, ""
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if held else number
        if line.endswith("\\"):
            held += line[:-1]
            if number == len(lines):
                raise PreseedError(first, "the file ends in the middle of a continued line")
            continue
        entries.append((first, held + line))
        held = ""
    return entries


def _answer(line: int, entry: str) -> Answer:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise PreseedError(
            line, f"parse error: {entry.strip()[:60]!r} is not `owner question type`"
        )
    question, kind, value = match["question"], match["kind"], match["value"] or ""
    if not _QUESTION.fullmatch(question):
        raise PreseedError(line, f"{question!r} is not a question such as owner/name")
    if kind not in TYPES:
        raise PreseedError(line, f"unknown type {kind!r} of {question}")
    if kind in {"boolean", "seen"} and value not in _BOOLEAN:
        raise PreseedError(line, f"{question} is a boolean: {value!r} is neither true nor false")
    return Answer(owner=match["owner"], question=question, kind=kind, value=value, line=line)

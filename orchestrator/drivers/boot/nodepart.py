"""Looks over a node's own part of FAI's config space before any machine is powered on for it.

One text holds several files: `=== disk_config/NODE` begins one, its lines follow.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from orchestrator.drivers.boot import diskconfig

_NAME = re.compile(r"(?:class|disk_config|package_config|debconf)/[A-Za-z0-9][\w-]*(?:\.var)?")
_VARIABLE = re.compile(r"""[A-Za-z_]\w*=(?:[\w.,:/@%+=-]*|'[^']*'|"[^"`$\\]*")""")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.:=/~-]*")
_ACTIONS = frozenset({"install", "install-norec", "remove", "hold", "taskinst", "taskrm", "unpack"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One file of the text: its name, the line that begins it, and its lines with numbers."""

    name: str
    at: int
    lines: tuple[tuple[int, str], ...]

    def meant(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the words of each line that is more than a comment."""
        for number, line in self.lines:
            if words := line.split("#")[0].split():
                yield number, words


def faults(text: str, node: str, known: Collection[str]) -> tuple[str, ...]:
    """Return what is wrong, `LINE: sentence` each; nothing when it may be used.

    `known` are the classes that the shared config space has something for.
    """
    lines = text.splitlines()
    parts = _parts(lines)
    begin = parts[0].at if parts else len(lines) + 1
    found = [
        (number, "comes before any `=== FILE` line")
        for number, line in enumerate(lines[: begin - 1], start=1)
        if line.split("#")[0].strip()
    ]
    for part in parts:
        found += _faults(part, {*known, node})
    names = {part.name for part in parts}
    for needed in (f"class/{node}", f"disk_config/{node}"):
        if needed not in names:
            found.append((len(lines), f"there is no `=== {needed}`"))
    return tuple(f"{number}: {fault}" for number, fault in sorted(found))


def _parts(lines: list[str]) -> list[_Part]:
    heads = [at for at, line in enumerate(lines) if line.startswith("===")]
    ends = [*heads[1:], len(lines)][: len(heads)]
    return [
        _Part(
            name=lines[head].removeprefix("===").strip(),
            at=head + 1,
            lines=tuple(enumerate(lines[head + 1 : end], start=head + 2)),
        )
        for head, end in zip(heads, ends, strict=True)
    ]


def _faults(part: _Part, known: Collection[str]) -> list[tuple[int, str]]:
    if not _NAME.fullmatch(part.name):
        return [(part.at, f"{part.name!r} is no file of a config space, such as class/{{node}}")]
    if part.name.endswith(".var"):
        return list(_variables(part))
    if part.name.startswith("class/"):
        return list(_classes(part, known))
    if part.name.startswith("package_config/"):
        return list(_packages(part))
    return list(_disks(part)) if part.name.startswith("disk_config/") else []


def _variables(part: _Part) -> Iterator[tuple[int, str]]:
    for number, line in part.lines:
        text = line.strip()
        if text and not text.startswith("#") and not _VARIABLE.fullmatch(text):
            yield number, f"{text!r} is not NAME=VALUE; quote a value that has more than one word"


def _classes(part: _Part, known: Collection[str]) -> Iterator[tuple[int, str]]:
    for number, words in part.meant():
        for word in words:
            if word not in known:
                there = ", ".join(sorted(known))
                yield number, f"the config space knows no class {word!r}; it has {there}"


def _packages(part: _Part) -> Iterator[tuple[int, str]]:
    action = ""
    for number, words in part.meant():
        if words[0] == "PACKAGES":
            action = words[1] if len(words) > 1 else ""
            if action not in _ACTIONS:
                yield number, f"PACKAGES has the unknown action {action!r}"
        elif not action:
            yield number, "comes before any PACKAGES line"
        elif wrong := [word for word in words if not _PACKAGE.fullmatch(word)]:
            yield number, f"{wrong[0]!r} is no name of a package"


def _disks(part: _Part) -> Iterator[tuple[int, str]]:
    text = "".join(f"{line}\n" for _, line in part.lines)
    for fault in diskconfig.faults(text):
        line, _, sentence = fault.partition(": ")
        yield part.at + int(line), sentence

"""Logs of services as blocks: what was said at once, by which logger, about which request."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: `2026-03-01 12:00:00.123 4711 ERROR nova.compute.manager [None req-... ...] text`
_HEAD = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d+ (?P<pid>\d+) "
    r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL|TRACE) (?P<logger>\S+) (?P<rest>.*)"
)
REQUEST = re.compile(r"\breq-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_LOUD = frozenset({"ERROR", "CRITICAL", "TRACE"})
_TRACEBACK = "Traceback (most recent call last):"
#: `nova.exception.NoValidHost: No valid host was found.`, the last words of a traceback
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?$")
#: lines of an excerpt: the beginning says what was done, the end what went wrong
_FIRST, _LAST = 4, 20
_WIDEST = 300


#: process, level and logger; empty for a line without them
_Author = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """The end of one log of one machine; `name` is the file's."""

    node: str
    name: str
    text: str

    @property
    def service(self) -> str:
        """Return whose log it is, e.g. `nova-compute`."""
        return self.name.rpartition("/")[2].removesuffix(".log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What was logged at once: a line, and the traceback that belongs to it."""

    #: empty for lines without a head, as a program's own output is
    level: str
    #: without times, process and logger
    lines: tuple[str, ...]
    #: as they stand in the file
    raw: tuple[str, ...]
    requests: frozenset[str]

    @property
    def loud(self) -> bool:
        """Return whether it tells of a failure."""
        return self.level in _LOUD or (not self.level and _TRACEBACK in self.lines)

    @property
    def raised(self) -> str:
        """Return the last words of its traceback, or else its first line."""
        return raised(self.lines) or next((line for line in self.lines if line), "")

    def excerpt(self, telling: str = "") -> str:
        """Return its lines: of a long one the first and the last, or those around `telling`."""
        lines = [line[:_WIDEST] for line in self.raw]
        at = self.lines.index(telling) if telling in self.lines else len(lines)
        if len(lines) <= _FIRST + _LAST:
            return "\n".join(lines)
        if self.level or at > len(lines) - _FIRST:
            return "\n".join([*lines[:_FIRST], "...", *lines[-_LAST:]])
        return "\n".join(lines[max(0, at - _LAST + 1) : at + _FIRST])


def blocks(text: str) -> tuple[Block, ...]:
    """Return what a log says, block by block."""
    groups: list[tuple[_Author, list[str], list[str]]] = []
    for raw in text.splitlines():
        head = _HEAD.match(raw)
        who = (head["pid"], head["level"], head["logger"]) if head else ("", "", "")
        said = _bare(head["rest"]) if head else raw.rstrip()
        begins = bool(head and REQUEST.search(head["rest"]))
        if groups and not begins and _goes_on(groups[-1][0], groups[-1][1], who, said):
            groups[-1][1].append(said)
            groups[-1][2].append(raw)
        else:
            groups.append((who, [said], [raw]))
    return tuple(
        Block(
            level=who[1],
            lines=tuple(lines),
            raw=tuple(raws),
            requests=frozenset(REQUEST.findall(raws[0])),
        )
        for who, lines, raws in groups
    )


def raised(lines: Sequence[str]) -> str:
    """Return the last words of the last traceback in the lines; nothing if there is none."""
    if not any(_TRACEBACK in line for line in lines):
        return ""
    return next((line for line in reversed(lines) if _RAISED.match(line)), "")


def about(logs: Sequence[LogFile], request: str) -> Iterator[tuple[LogFile, Block]]:
    """Yield what the services logged of a failure of that request, in the order of the logs."""
    for log in logs:
        for block in blocks(log.text):
            if request in block.requests and block.loud:
                yield log, block


def _goes_on(author: _Author, before: Sequence[str], who: _Author, said: str) -> bool:
    """Return whether a line continues a block: a message of many lines, or a traceback."""
    if not who[1]:
        return not said.startswith(_TRACEBACK)
    if author != who:
        return False
    begun = any(_TRACEBACK in line for line in before)
    return who[1] in _LOUD and (begun or said.startswith(_TRACEBACK))


def _bare(rest: str) -> str:
    """Return a line's text without the `[request]` and `[instance]` before it."""
    return re.sub(r"^(?:\[[^\]]*\] ?)+", "", rest)

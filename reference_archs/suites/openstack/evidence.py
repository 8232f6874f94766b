"""What the services' logs say about the requests of a test that went wrong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from machine import Machine, MachineError

_MOST = 60  # lines kept beside a failure
_NAMED = re.compile(
    r"\b([A-Z]\w*(?:Error|Exception|Failure|Failed|Invalid\w*|NotFound|Refused))\b: "
)
_LINE = re.compile(r"^(?P<log>[^:]+\.log):(?P<rest>.*)$")
_HEAD = re.compile(r"^\S+ \S+ \d+ (?P<level>[A-Z]+) (?P<module>\S+) \[[^\]]*\] ?(?P<text>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Which log to read, for which request, and its lines."""

    sentence: str
    excerpt: str


def gather(machines: Sequence[Machine], requests: Sequence[str]) -> Evidence | None:
    """Return what the logs hold about the requests, the latest request first; None if nothing."""
    for request in reversed(requests):
        lines = [line for machine in machines for line in _lines(machine, request)]
        if lines:
            return Evidence(sentence=_sentence(lines, request), excerpt="\n".join(lines[-_MOST:]))
    return None


def _lines(machine: Machine, request: str) -> list[str]:
    """Return the warnings and errors of one request on one machine."""
    script = 'cd "$0" && grep -F -e "$1" -- *.log | grep -E " (ERROR|CRITICAL|WARNING) "'
    try:
        _, text = machine.said(["sh", "-c", script, machine.place.log, request])
    except MachineError:
        return []  # that it is gone is found out by whoever started us
    return [line for line in text.splitlines() if _LINE.match(line)]


def _sentence(lines: Sequence[str], request: str) -> str:
    """Return the first exception that a log names, else its first error."""
    errors = [line for line in lines if " ERROR " in line or " CRITICAL " in line] or list(lines)
    named = [line for line in errors if _NAMED.search(line)]
    chosen = _LINE.match((named or errors)[0])
    log, rest = (chosen["log"], chosen["rest"]) if chosen else ("", "")
    head = _HEAD.match(rest)
    text = head["text"] if head else rest
    found = _NAMED.search(text)
    return f"{log}, {request}: {text[found.start() :] if found else text}"

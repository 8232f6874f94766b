"""What a play tells while it runs, folded into its result."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.model.result import HostResult, PlayResult, TaskOutcome

_LONGEST = 500  # characters of a message
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: what Ansible and its SSH client put before or after the words that matter
_WRAPPING = re.compile(r"^(Task failed: |Action failed: |Failed to connect to the host via ssh: )+")
_PARTING = re.compile(r"(Shared c|C)onnection to \S+ closed\.")
#: messages of Ansible's own that say nothing
_HOLLOW = re.compile(r"non-zero return code|MODULE FAILURE|Error executing command|$")
#: what Ansible says of a task that cannot be run anywhere. Not of a value without some attribute:
#: that may be what the product answered.
_MISTAKE = re.compile(
    r"Task failed: (.*: )?('\w+' is undefined$|Syntax error in (template|expression)|Conditional )"
    r"|(missing required arguments|Unsupported parameters for \(.+\) module): "
    r"|the role '.+' was not found in "
    r"|Could not find or access '.+'"
)
_ERROR = re.compile(r"\[?ERROR\]?[:!] +(.*?)\s*(?:Origin: (\S+)|$)", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Story:
    """Listens to the events of one play."""

    hosts: Sequence[str]
    #: told each task at each host as it starts, and each failure
    progress: Callable[[str], None]
    #: takes what Ansible would print on a terminal
    write: Callable[[str], object]
    #: masks secrets; all that leaves here went through it
    hide: Callable[[str], str]
    #: whether the play came to its recap
    ended: bool = False
    _said: list[str] = field(default_factory=list)
    _stops: dict[str, HostResult] = field(default_factory=dict)
    _recap: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> bool:
        """Note one of ansible-runner's events; False, so that it keeps no file of it."""
        if text := event.get("stdout"):
            self.write(self.hide(f"{text}\n"))
        data = event.get("event_data") or {}
        match event.get("event"):
            case "runner_on_start":
                self.progress(self.hide(f"{data.get('task')} [{data.get('host')}]"))
            case "runner_on_failed" if not data.get("ignore_errors"):
                self._stop(data, TaskOutcome.FAILED)
            case "runner_on_unreachable":
                self._stop(data, TaskOutcome.UNREACHABLE)
            case "playbook_on_stats":
                self.ended = True
                self._recap = data
            case "verbose" | "error" | "warning":
                self._said.append(str(text or ""))
        return False

    def result(self) -> PlayResult:
        """Return how the play ended for each host of the inventory."""
        return PlayResult(hosts=tuple(self._end_of(host) for host in self.hosts))

    def error(self) -> str:
        """Return the error that kept the play from running, with file and line, on one line."""
        text = self.hide(_CONTROL.sub("", "\n".join(self._said)))
        found = _ERROR.search(text)
        if not found:
            return _clip(" ".join(text.split()))
        words = " ".join(found[1].split())
        return _clip(f"{found[2]}: {words}" if found[2] else words)

    def _stop(self, data: Mapping[str, Any], outcome: TaskOutcome) -> None:
        host, task = str(data.get("host")), self.hide(str(data.get("task")))
        result = data.get("res") or {}
        message = _clip(self.hide(complaint(result)))
        self._stops[host] = HostResult(
            host=host, outcome=outcome, task=task, message=message, mistaken=mistaken(result)
        )
        self.progress(f"{task} [{host}] {outcome}: {message}")

    def _end_of(self, host: str) -> HostResult:
        changed = self._count("changed", host)
        stop = self._stops.get(host, HostResult(host=host, outcome=TaskOutcome.FAILED))
        if self._count("dark", host):
            return replace(stop, outcome=TaskOutcome.UNREACHABLE, changed=changed)
        if self._count("failures", host):
            return replace(stop, outcome=TaskOutcome.FAILED, changed=changed)
        return HostResult(host=host, outcome=TaskOutcome.OK, changed=changed)

    def _count(self, what: str, host: str) -> int:
        return int(self._recap.get(what, {}).get(host, 0))


def complaint(result: Mapping[str, Any]) -> str:
    """Return, on one line, what a failed task's result says to a person."""
    result = _red(result)
    message = _message(result)
    if result.get("unreachable"):
        return _WRAPPING.sub("", next(reversed(_lines(message)), "it does not answer"))
    if not _HOLLOW.match(message):
        return _WRAPPING.sub("", " ".join(_lines(message)))
    streams = (_lines(str(result.get(n) or "")) for n in ("stderr", "module_stderr", "stdout"))
    spoken = next(filter(None, streams), []) or [message, str(result.get("cmd") or "")]
    return f"{' / '.join(filter(None, spoken[-2:]))} (exit status {result.get('rc')})"


def mistaken(result: Mapping[str, Any]) -> bool:
    """Return whether a failed task's result says that the play is wrong, whatever the machine."""
    return bool(_MISTAKE.match(_message(_red(result))))


def _red(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a loop's first failed item, anything else itself."""
    return next((item for item in result.get("results") or () if item.get("failed")), result)


def _message(result: Mapping[str, Any]) -> str:
    # The answer of a condition, or why there is none.
    answers = (result.get(f"{name}_when_result") for name in ("failed", "changed"))
    if said := next((answer for answer in answers if isinstance(answer, str)), ""):
        return f"Task failed: {said}"
    return str(result.get("msg") or result.get("reason") or result.get("censored") or "")


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in _CONTROL.sub("", text).splitlines())
    return [line for line in lines if line and not _PARTING.fullmatch(line)]


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

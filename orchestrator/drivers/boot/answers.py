"""Looks over rendered installer answers before any machine is powered on for them."""

import re

_TYPES = frozenset({"string", "boolean", "select", "multiselect", "note", "password", "text"})
_LINE = re.compile(r"(\S+)[ \t]+(\S+)[ \t]+(\S+)(?:[ \t](.*))?")
_QUESTION = re.compile(r"[A-Za-z0-9][\w.+-]*(/[\w.+:-]+)+")
#: without these the installer stops and asks, and nobody is there
_REQUIRED = (
    "debian-installer/locale",
    "netcfg/choose_interface",
    "mirror/http/hostname",
    "mirror/http/directory",
    "mirror/suite",
    "time/zone",
    "partman-auto/method",
    "partman/confirm",
    "partman/confirm_nooverwrite",
    "passwd/root-password-crypted",
    "grub-installer/bootdev",
    "preseed/late_command",
    "finish-install/reboot_in_progress",
)
_VALUED = frozenset({"mirror/http/hostname", "mirror/suite", "time/zone", "preseed/late_command"})


def faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a preseed, `LINE: sentence` each; nothing when it may be used."""
    found: list[str] = []
    answers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        fault = _fault(match) if match else "is not `owner question type value`"
        if fault:
            found.append(f"{number}: {fault}")
        elif match:
            answers[match[2]] = (match[4] or "").strip()
    last = len(text.splitlines())
    found += [f"{last}: no answer for {name}" for name in _REQUIRED if name not in answers]
    found += [
        f"{last}: empty answer for {name}" for name in sorted(_VALUED) if answers.get(name) == ""
    ]
    return tuple(found)


def _fault(match: re.Match[str]) -> str:
    question, kind, value = match[2], match[3], match[4] or ""
    if not _QUESTION.fullmatch(question):
        return f"{question!r} is not a question such as mirror/suite"
    if kind not in _TYPES:
        return f"{question} has the unknown type {kind!r}"
    if kind == "boolean" and value.strip() not in {"true", "false"}:
        return f"{question} is a boolean, so {value!r} must be true or false"
    if question == "passwd/root-password-crypted" and value.strip() == "!":
        return f"{question} is `!`, which the installer takes for none and asks; write `*`"
    if value.endswith("\\"):
        return f"{question} ends in a backslash, which would swallow the next line"
    return ""

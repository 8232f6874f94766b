"""What an arch's role asks of an install, and whether a machine and an image can give it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchestrator.model.document import Entry

#: in place of a licence key: the installed system runs without one for a while
EVALUATION: Final = "evaluation"

_DISK = re.compile(r"[a-z][a-z0-9]*|mpx\.[A-Za-z0-9:]+|naa\.[0-9a-f]+|t10\.[\w.]+|\d")
_NIC = re.compile(r"[a-z][a-z0-9]*|[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_ZONE = re.compile(r"[A-Za-z]+(/[A-Za-z0-9_+-]+)*")
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_VLAN = re.compile(r"[1-9]\d{0,3}")
_GIB = re.compile(r"[1-9]\d{0,6}")
#: what may be asked, how it is written, and an example of it
_KEYS: Final = {
    "disk": (_DISK, "sda"),
    "disk_gib": (_GIB, "60"),
    "nic": (_NIC, "eth0 or 52:54:00:12:34:56"),
    "vlan": (_VLAN, "100"),
    "timezone": (_ZONE, "Etc/UTC"),
    "licence": (_WORD, "required or evaluation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One thing that a role asks of its install, and where that was written, `file:line`."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a machine and an image bring along for an install."""

    node: str
    #: the card that the machine boots from
    mac: str
    #: cards by the installed system's names; empty: nobody wrote them down
    nics: tuple[tuple[str, str], ...]
    #: sizes in GiB by the installed system's names; empty: nobody wrote them down
    disks: tuple[tuple[str, int], ...]
    image: str
    licence: bool
    #: the installer's own least disk, in GiB
    least_gib: int
    #: it stops without a licence key
    licensed: bool


def read(entry: Entry) -> tuple[Answer, ...]:
    """Return the `answers` of a role; raise `ConfigError` for what no install understands."""
    found = []
    for key, value in entry.table(*_KEYS).items():
        pattern, example = _KEYS[key]
        text = str(value.value) if isinstance(value.value, int) else value.text()
        if not pattern.fullmatch(text):
            raise value.wrong(f"`{value.name}` is `{text}`; write for example {example}")
        if key == "licence" and text not in {"required", EVALUATION}:
            raise value.wrong(f"`{value.name}` is `{text}`; write required or {EVALUATION}")
        if key == "vlan" and int(text) > 4094:
            raise value.wrong(f"`{value.name}` is {text}; VLANs go from 1 to 4094")
        found.append(Answer(key=key, value=text, source=value.source))
    return tuple(found)


def faults(answers: tuple[Answer, ...], role: str, means: Means) -> tuple[str, ...]:
    """Return why the machine cannot be installed so: `file:line: sentence`; nothing if it can.

    `role` is where the role was written, for what it left out.
    """
    asked = {answer.key: answer for answer in answers}
    return (
        *_licence(asked, role, means),
        *_nic(asked, means),
        *_disk(asked, role, means),
    )


def value(answers: tuple[Answer, ...], key: str, default: str = "") -> str:
    """Return what a role asks, or `default`."""
    return next((answer.value for answer in answers if answer.key == key), default)


def nic_mac(answers: tuple[Answer, ...], means: Means) -> str:
    """Return the MAC address of the card that is asked for; the one that boots if none is."""
    asked = value(answers, "nic", means.mac)
    return dict(means.nics).get(asked, asked if ":" in asked else means.mac)


def _licence(asked: dict[str, Answer], role: str, means: Means) -> Iterator[str]:
    answer = asked.get("licence")
    wanted = answer.value == "required" if answer else means.licensed
    if wanted and not means.licence:
        source = answer.source if answer else role
        yield (
            f"{source}: the image {means.image} has no licence key, and its installer stops "
            f"without one; give it `licence` in the lab file, or answer `licence: {EVALUATION}`"
        )


def _nic(asked: dict[str, Answer], means: Means) -> Iterator[str]:
    answer = asked.get("nic")
    if answer is None or answer.value == means.mac:
        return
    known = dict(means.nics)
    if answer.value not in {*known, *known.values()}:
        cards = ", ".join(f"{name} ({mac})" for name, mac in known.items()) or means.mac
        yield f"{answer.source}: {means.node} has no network card {answer.value}; it has {cards}"


def _disk(asked: dict[str, Answer], role: str, means: Means) -> Iterator[str]:
    known = dict(means.disks)
    if not known:
        return
    answer = asked.get("disk")
    if answer and answer.value not in known:
        there = ", ".join(known)
        yield f"{answer.source}: {means.node} has no disk {answer.value}; it has {there}"
        return
    name = answer.value if answer else next(iter(known))
    size = asked.get("disk_gib")
    wanted = max(means.least_gib, int(size.value) if size else 0)
    if known[name] < wanted:
        found = f"{means.node}'s disk {name} has {known[name]} GiB"
        source = size.source if size and int(size.value) == wanted else role
        source = source if size or not answer else answer.source
        yield f"{source}: {found}, and {wanted} are needed; take another machine or disk"

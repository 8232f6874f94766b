"""How far the simulated array is from a device: its recorded answers, compared with ours.

A recording is a folder of files `NN-WHAT.txt`: the first line is the command that was typed at the
device, the rest is the XML that it answered, in the order of the numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from orchestrator.lab.lefthand import Array
from orchestrator.model.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One recorded answer, and in what ours differs."""

    file: str
    command: str
    differences: tuple[str, ...]


def compare(folder: Path) -> tuple[Drift, ...]:
    """Play a recording to a new simulator; raise `ConfigError` for what is no recording."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        msg = f"{folder} has no *.txt: record a device's answers as docs/lefthand.md says"
        raise ConfigError(msg)
    array = Array(None)
    return tuple(_drift(path, array) for path in files)


def _drift(path: Path, array: Array) -> Drift:
    command, _, answer = path.read_text(encoding="utf-8").partition("\n")
    theirs, ours = _parsed(path, answer), Xml.fromstring(array.run(command))  # noqa: S314  # ours
    return Drift(
        file=path.name, command=command, differences=tuple(_differences(theirs, ours, "gauche"))
    )


def _parsed(path: Path, answer: str) -> Xml.Element:
    if "<!DOCTYPE" in answer or "<!ENTITY" in answer:
        raise ConfigError(f"{path}: an array's answer declares no entities; record it again")
    try:
        return Xml.fromstring(answer.strip())  # noqa: S314  # no entities: see above
    except Xml.ParseError as error:
        raise ConfigError(f"{path}: after its first line comes no XML ({error})") from error


def _differences(theirs: Xml.Element, ours: Xml.Element, where: str) -> Iterator[str]:
    """Yield what a driver could stumble over: names that only one side has, and results."""
    for name in sorted(theirs.attrib.keys() - ours.attrib.keys()):
        yield f"{where}@{name}: only the device says it"
    for name in sorted(ours.attrib.keys() - theirs.attrib.keys()):
        yield f"{where}@{name}: only the simulator says it"
    for name in ("result", "name"):
        pair = (theirs.get(name), ours.get(name))
        if theirs.tag == "response" and pair[0] != pair[1]:
            yield f"{where}@{name}: the device says {pair[0]}, the simulator {pair[1]}"
    tags = dict.fromkeys(child.tag for child in (*theirs, *ours))
    for tag in tags:
        there, here = theirs.find(tag), ours.find(tag)
        if there is None or here is None:
            side = "device" if here is None else "simulator"
            yield f"{where}/{tag}: only the {side} has it"
        else:
            yield from _differences(there, here, f"{where}/{tag}")

"""The disk bay of an emulated machine: what it finds there when it is powered on next.

Laid while the machine is off, by whoever provisions it; the machine only reads it.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.lab.files import write_atomic
from orchestrator.lab.labdir import NodeDir
from orchestrator.lab.shape import Shape


class Content(StrEnum):
    """What is in the bay."""

    #: an empty disk, made at the first power-on
    BLANK = "blank"
    #: a disk that begins as a golden image
    OVERLAY = "overlay"
    #: disk and memory of a template that runs already
    CLONE = "clone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bay:
    """One machine's bay."""

    content: Content = Content.BLANK
    #: folder of the golden image that an overlay or a clone stands on
    golden: str = ""
    #: what a clone is told about itself, as one line
    identity: str = ""


def disk(folder: NodeDir) -> Path:
    """Return the machine's disk."""
    return folder.root / "disk.qcow2"


def template(golden: Path, shape: Shape) -> Path:
    """Return the folder of the running template of that shape, which need not be there."""
    return golden / f"template-{shape.text().replace(',', '-')}"


def read(folder: NodeDir) -> Bay:
    """Return what is in the bay of that machine."""
    try:
        found = json.loads(_file(folder).read_text())
    except FileNotFoundError:
        return Bay()
    return Bay(
        content=Content(found["content"]), golden=found["golden"], identity=found["identity"]
    )


def lay(folder: NodeDir, bay: Bay) -> None:
    """Put `bay` in place of what is there; the old disk is thrown away."""
    disk(folder).unlink(missing_ok=True)
    fields = {"content": bay.content.value, "golden": bay.golden, "identity": bay.identity}
    write_atomic(_file(folder), json.dumps(fields) + "\n", mode=0o600)


def _file(folder: NodeDir) -> Path:
    return folder.root / "bay.json"

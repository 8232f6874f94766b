"""`smoketest lab drift`: is the simulator what the device is?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.session import Session
from orchestrator.lab.lefthand_drift import Drift, compare
from orchestrator.model.verdict import ExitStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifts:
    """What `--json` shows."""

    same: bool
    answers: tuple[Drift, ...]


def drift(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A device's recorded answers.")],
) -> int:
    """Compare the simulated LeftHand array with a device; exit status 1 if it differs."""
    found = compare(folder)
    same = not any(answer.differences for answer in found)
    lines = [
        line
        for answer in found
        for line in (
            f"{answer.file}: {answer.command}: {'differs' if answer.differences else 'same'}",
            *(f"  {difference}" for difference in answer.differences),
        )
    ]
    session.show(Drifts(same=same, answers=found), *lines)
    return ExitStatus.PASSED if same else ExitStatus.FAILED

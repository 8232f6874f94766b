"""When a planned run would start and be done, told beside what it would cost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from orchestrator.model.arch import Arch, Settings
from orchestrator.model.experience import Experience
from orchestrator.model.ids import RunId, attempt_id, cell_id
from orchestrator.model.lease import Situation, Waiting
from orchestrator.model.placement import needs
from orchestrator.model.request import Lane, Request
from orchestrator.model.scheduling.estimate import estimate
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.model.view import PlanView

#: no run has this number
_NOT_YET: Final = RunId(2**62)


def asked(request: Request, archs: Sequence[Arch], now: datetime) -> tuple[Waiting, ...]:
    """Return the archs' cells as if they were asked for now."""
    return tuple(
        Waiting(
            attempt=attempt_id(cell_id(_NOT_YET, arch.name), 1),
            needs=needs(arch.by(0)),
            asked_at=now,
            lane=request.lane,
            owner=request.requester if request.lane is Lane.ASKED else request.repo,
            arch=arch.name,
        )
        for arch in archs
    )


def timed(
    view: PlanView, cells: Sequence[Waiting], situation: Situation, known: Experience
) -> PlanView:
    """Return the plan with when it would start and be done; as it is without experience."""
    found = estimate(situation, Outlook(spans=known.spans()), cells) if known.cells else None
    if not found:
        return view
    usual, late = found
    return replace(
        view,
        start_seconds=round(usual.start, 1),
        finish_seconds=round(usual.finish, 1),
        late_start_seconds=round(max(late.start, usual.start), 1),
        late_finish_seconds=round(max(late.finish, usual.finish), 1),
    )


def worded(settings: Settings) -> str:
    """Return `hypervisor=kvm, network=flat`."""
    return ", ".join(f"{axis}={value}" for axis, value in settings)

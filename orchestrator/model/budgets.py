"""How long a stage may take: the arch's cap, or less where it is known to take less."""

from typing import Final

from orchestrator.model.arch import Arch
from orchestrator.model.event import Stage
from orchestrator.model.experience import Experience, Limit, Subject
from orchestrator.model.run import Task

#: the part of its cap that a stage may always take, if the arch does not say
_LEAST: Final = 0.2


def allowance(known: Experience, task: Task, stage: Stage, most: float) -> Limit:
    """Return the budget of a stage: learned where it can be, within floor and cap of the arch.

    An install's is that of its slowest machine with its image, since all go through it together.
    """
    least = _least(task.arch, stage, most)
    if least is None:
        return Limit(seconds=most)
    limits = [known.limit(subject, least, most) for subject in _subjects(task, stage)]
    return max(limits, key=lambda limit: limit.seconds, default=Limit(seconds=most))


def label(arch: str, way: int) -> str:
    """Return the name under which lengths are learned: the arch, and which way if not the first."""
    return f"{arch} by {way}" if way else arch


def _subjects(task: Task, stage: Stage) -> list[Subject]:
    if stage is not Stage.PROVISION:
        return [Subject(stage=stage, name=label(task.arch.name, task.turn.way))]
    images = {role.name: role.install for role in task.arch.roles}
    return [
        Subject(stage=stage, name=f"{host.node.name} with {images[host.lease.role]}")
        for host in task.hosts
    ]


def _least(arch: Arch, stage: Stage, most: float) -> float | None:
    """Return the floor of a stage's budget, None for a stage whose budget is not learned."""
    floors = {
        Stage.PROVISION: arch.budget.least.provision,
        Stage.DEPLOY: arch.budget.least.deploy,
        Stage.SMOKE: arch.budget.least.smoke,
    }
    if stage not in floors:
        return None
    written = floors[stage]
    return _LEAST * most if written is None else min(written, most)

"""Deploy: lay the product down on the installed machines with Ansible, and collect its logs.

A task whose name begins with `product:` exercises the product: when one fails, the product did
wrong. One whose name begins with `config:` sees that what was asked for can be done at all, and a
task that no machine could run, of whatever name, is a mistake in the play: both are the asker's to
mend. Any other failing task, or a host that went away, is ours.
"""

from collections.abc import Iterator

from orchestrator.model.errors import ConfigError, InfraError, ProductFailed, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.result import HostResult, PlayResult, TaskOutcome
from orchestrator.model.run import Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

PRODUCT = "product:"
CONFIG = "config:"


def deploy(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield DEPLOYED once the play went through; raise whose failure it was otherwise."""
    play = kit.play(task, task.arch.deploy.play)
    result = kit.deploy.run(play, kit.progress(task, Stage.DEPLOY), deadline)
    if not result.ok:
        raise_for(result)
    changed = sum(host.changed for host in result.hosts)
    yield Event(kind=Kind.DEPLOYED, stage=Stage.DEPLOY, text=f"{changed} changes")


def raise_for(result: PlayResult) -> None:
    """Raise whose failure it was, for the host that went wrong first.

    `Unreachable`, `ConfigError`, `InfraError` or `ProductFailed`, in this order.
    """
    for host in result.hosts:
        if host.outcome is TaskOutcome.UNREACHABLE:
            msg = f"{host.host} went away in the middle of the deploy: {host.message}"
            raise Unreachable(msg, node=host.host)
    failed = [host for host in result.hosts if host.outcome is TaskOutcome.FAILED]
    asked = [host for host in failed if host.mistaken or host.task.startswith(CONFIG)]
    if asked:
        advice = "; mend the play, or the settings that the arch gives it"
        raise ConfigError(_sentence(asked[0]) + (advice if asked[0].mistaken else ""))
    ours = [host for host in failed if not host.task.startswith(PRODUCT)]
    if ours:
        raise InfraError(_sentence(ours[0]), node=ours[0].host)
    raise ProductFailed(_sentence(failed[0]), node=failed[0].host)


def _sentence(host: HostResult) -> str:
    task = host.task.removeprefix(PRODUCT).removeprefix(CONFIG).strip()
    return f"{task} failed on {host.host}: {host.message}"

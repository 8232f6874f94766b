"""Release: give the machines back, switched off, or keep them while a person holds them."""

from collections.abc import Iterator

from orchestrator.model.errors import ConfigError, InfraError, OutOfTime, cause_of
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.hypervisor import named
from orchestrator.model.node import NodeState
from orchestrator.model.run import Host, Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

POWER_SECONDS = 60.0
CLEAR_SECONDS = 90.0
POLL_SECONDS = 0.5


def release(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield FREED for each machine; one that cannot be switched off is taken out of service.

    Nothing of an attempt outlives its lease: a hypervisor is rid of guests, networks and mounted
    datastores, since the last are not the machine's own; the power is cut, the boot offer
    withdrawn, and the next lease installs from nothing. The store ends the lease with the word that
    this is over.
    """
    yield from _hold(task, kit)
    yield from _cleared(task, kit, deadline)
    for host in task.hosts:
        yield _free(task, host, kit, deadline)
        kit.boot[host.node.boot].withdraw(host.node, task.attempt)


def _hold(task: Task, kit: Kit) -> Iterator[Event]:
    """Wait while somebody holds the machines; the hold has an end of its own."""
    told = bool(task.happened(Kind.HELD))
    while (until := kit.queue.held_until(task.attempt)) and until > kit.clock.now():
        if not told:
            text = f"held until {until:%Y-%m-%d %H:%M} UTC"
            yield Event(kind=Kind.HELD, stage=Stage.RELEASE, text=text)
            told = True
        kit.clock.sleep(POLL_SECONDS)


def _cleared(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield a NOTE of what was cleared away; nothing here keeps a machine from being freed."""
    for host, access, kind in kit.faces(task):
        limit = deadline.within(CLEAR_SECONDS, f"clearing {host.node.name}")
        try:
            login = kit.login(task, host, access, limit)
            left = kit.sessions[kind].strays(login, limit)
            for one in left:
                kit.sessions[kind].remove(login, one, limit)
        except (InfraError, ConfigError, OutOfTime) as error:
            text = f"{host.node.name} was not cleared: {error}"
            yield Event(kind=Kind.NOTE, stage=Stage.RELEASE, node=host.node.name, text=text)
            continue
        if left:
            text = f"cleared off {host.node.name}: {named(left)}"
            yield Event(kind=Kind.NOTE, stage=Stage.RELEASE, node=host.node.name, text=text)


def _free(task: Task, host: Host, kit: Kit, deadline: Deadline) -> Event:
    node = host.node
    text = "switched off and given back"
    try:
        kit.power[node.power].set(node, deadline.within(POWER_SECONDS, "power off"), on=False)
    except InfraError as error:
        text = f"could not be switched off after {task.attempt}: {error}"
        state, now, cause = NodeState.QUARANTINED, kit.clock.now(), cause_of(error)
        kit.nodes.set_state(node.name, state, text, now, cause)
    return Event(kind=Kind.FREED, stage=Stage.RELEASE, node=node.name, text=text)

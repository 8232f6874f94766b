"""Provision: reinstall every leased machine from nothing, and hear it call home.

All machines of a gang go through each step together. Every step first looks at what happened
before (`task.past`) and at the machine itself, so that a repeat after a crash sends no command
whose effect is there already.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from orchestrator.model.console import recognise
from orchestrator.model.errors import BootTimeout, ConfigError, InfraError, OutOfTime, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.node import Access, BootDevice
from orchestrator.model.run import Host, Task
from orchestrator.model.verdict import Blame
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

#: share of the stage that one power command may use, in seconds
POWER_SECONDS = 60.0
POLL_SECONDS = 0.25
#: how much of the end of a console is read for what went wrong
CONSOLE_LINES = 60
_UNSEEN = "it fetched nothing from us, so check its cable, VLAN and boot order"


def provision(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield the events of installing the machines; raise `InfraError` naming the node."""
    with ExitStack() as consoles:
        for host in task.hosts:
            recorder = kit.console[host.node.console]
            consoles.enter_context(recorder.capture(host.node, console_path(task, host)))
        yield from _off(task, kit, deadline)
        yield from _offer(task, kit, deadline)
        yield from _on(task, kit, deadline)
        arrived = {host.node.name: access for host, access in task.access}
        for host, access in _arrivals(task, kit, deadline):
            yield _event(Kind.ARRIVED, host, "installed and called home", access)
            arrived[host.node.name] = access
        for host in task.hosts:
            _answer(task, host, arrived[host.node.name], kit, deadline)
            yield _event(Kind.READY, host, "answers over SSH with the host key it called home with")


def console_path(task: Task, host: Host) -> str:
    """Return the file that keeps what the host's serial console printed."""
    return f"{task.folder}/console-{host.node.name}.log"


def _event(kind: Kind, host: Host, text: str, access: Access | None = None) -> Event:
    return Event(kind=kind, stage=Stage.PROVISION, node=host.node.name, text=text, access=access)


def _off(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    for host in task.hosts:
        if not task.happened(Kind.POWERED_OFF, host.node.name):
            power = kit.power[host.node.power]
            power.set(host.node, deadline.within(POWER_SECONDS, "power off"), on=False)
            yield _event(Kind.POWERED_OFF, host, "power reads off")


def _offer(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    images = {role.name: role.install for role in task.arch.roles}
    for host in task.hosts:
        image = images[host.lease.role]
        kit.boot[host.node.boot].offer(host.node, image, task.attempt, deadline)
        if not task.happened(Kind.OFFERED, host.node.name):
            yield _event(Kind.OFFERED, host, f"{image} offered to {host.node.mac}")


def _on(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    for host in task.hosts:
        if task.happened(Kind.POWERED_ON, host.node.name):
            continue
        power = kit.power[host.node.power]
        # Off was read after the lease began, so a machine that is on was switched on by us.
        if not power.is_on(host.node, deadline.within(POWER_SECONDS, "reading the power state")):
            if not task.happened(Kind.BOOT_SET, host.node.name):
                setting = deadline.within(POWER_SECONDS, "setting the boot device")
                power.boot_next(host.node, BootDevice.NETWORK, setting)
                yield _event(Kind.BOOT_SET, host, "boots from the network next")
            power.set(host.node, deadline.within(POWER_SECONDS, "power on"), on=True)
        yield _event(Kind.POWERED_ON, host, "power reads on")


def _arrivals(task: Task, kit: Kit, deadline: Deadline) -> Iterator[tuple[Host, Access]]:
    """Yield each machine that calls home, as it does; any one's console may end the wait."""
    here = {host.node.name for host, _ in task.access}
    waiting = [host for host in task.hosts if host.node.name not in here]
    while waiting:
        for host in tuple(waiting):
            if access := kit.boot[host.node.boot].arrived(host.node, task.attempt):
                waiting.remove(host)
                yield host, access
            else:
                _diagnose(task, host, kit)
        _wait(task, waiting, kit, deadline)


def _diagnose(task: Task, host: Host, kit: Kit) -> None:
    """Raise what the machine's console shows to have gone wrong, if it does."""
    said = kit.console[host.node.console].tail(console_path(task, host), CONSOLE_LINES)
    if diagnosis := recognise(said):
        error = ConfigError if diagnosis.blame is Blame.CONFIG else InfraError
        msg = f"{host.node.name}: {diagnosis.sentence}"
        raise error(msg, node=host.node.name)


def _wait(task: Task, waiting: Sequence[Host], kit: Kit, deadline: Deadline) -> None:
    """Wait a moment for those who have not called home; raise `BootTimeout` about the first."""
    if not waiting:
        return
    try:
        deadline.sleep(POLL_SECONDS)
    except OutOfTime as late:
        silence = _silence(task, waiting[0], kit, deadline)
        raise BootTimeout(silence, node=waiting[0].node.name) from late


def _silence(task: Task, host: Host, kit: Kit, deadline: Deadline) -> str:
    """Return what is known of a machine that never called home."""
    fetched = kit.boot[host.node.boot].fetched(host.node, task.attempt)
    lines = kit.console[host.node.console].tail(console_path(task, host), CONSOLE_LINES)
    hint = recognise(lines, over=True)
    why = f"{hint.sentence}; " if hint else ""
    got = f"it fetched {', '.join(fetched)}" if fetched else _UNSEEN
    said = f"; its console last said: {lines[-1]}" if lines else "; its console said nothing"
    silent = f"{host.node.name} did not call home within {deadline.seconds:.0f} s"
    return f"{silent}: {why}{got}{said} (all of it: console-{host.node.name}.log)"


def _answer(task: Task, host: Host, access: Access, kit: Kit, deadline: Deadline) -> None:
    """Return when the machine answers over SSH; raise `Unreachable` when the stage's time is up."""
    key = kit.boot[host.node.boot].key(task.attempt)
    last = "no try was made"
    try:
        while True:
            try:
                kit.shell.run(access, key, "true", deadline.within(10, "SSH"))
            except Unreachable as silent:
                last = str(silent)
                deadline.sleep(POLL_SECONDS)
            else:
                return
    except OutOfTime as late:
        msg = f"{host.node.name} was installed but SSH does not answer: {last}"
        raise Unreachable(msg, node=host.node.name) from late

"""Provision: reinstall every leased machine from nothing, and hear it call home.

All machines of a gang go through each step together. Every step first looks at what happened
before (`task.past`) and at the machine itself, so that a repeat after a crash sends no command
whose effect is there already.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

from orchestrator.model.console import (
    Diagnosis,
    missed,
    quoted,
    recognise,
    started_over,
    turned_on,
    words,
)
from orchestrator.model.errors import BootTimeout, ConfigError, InfraError, OutOfTime, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.node import Access, BootDevice
from orchestrator.model.progress import Progress, progress
from orchestrator.model.run import Host, Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

#: share of the stage that one power command may use, in seconds
POWER_SECONDS = 60.0
POLL_SECONDS = 0.25
#: how much of the end of a console is read for what went wrong
CONSOLE_LINES = 60
#: how much of it is read once it is over: from power-on, as a rule
WHOLE = 20_000
#: a console that said nothing for so long is one of a machine that hangs, if nothing else is known
SILENT = timedelta(seconds=60)
#: how long a console must show the same: its last line may be there in part, and tell more later
SURE = timedelta(seconds=1)
#: how long a machine's progress is not told again
QUIET = timedelta(seconds=3)
_LOGIN = " login:"
_UNSEEN = "it fetched nothing from us, so check its cable, VLAN and boot order"


def provision(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield the events of installing the machines; raise `InfraError` naming the node."""
    with ExitStack() as consoles:
        for host in task.hosts:
            recorder, path = kit.console[host.node.console], console_path(task, host)
            consoles.enter_context(recorder.capture(host.node, path, kit.standing(task)))
        yield from _off(task, kit, deadline)
        yield from _wire(task, kit, deadline)
        yield from _offer(task, kit, deadline)
        yield from _on(task, kit, deadline)
        arrived = {host.node.name: access for host, access in task.access}
        for event in _arrivals(task, kit, deadline):
            yield event
            if event.access:
                arrived[event.node] = event.access
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


def _wire(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Put the machines' data cards onto a segment of the lease's own, while they are off."""
    ports: dict[str, list[str]] = {}
    for host in task.hosts:
        plug = host.node.switch
        if plug and plug.switch in kit.switches:
            ports.setdefault(plug.switch, []).append(plug.port)
    for name, plugs in ports.items():
        limit = deadline.within(POWER_SECONDS, f"configuring the switch {name}")
        segment = kit.switches[name].join(plugs, limit)
        text = f"data cards at {', '.join(plugs)} are on {segment}, and nobody else's"
        if not any(event.text == text for event in task.past):
            yield Event(kind=Kind.NOTE, stage=Stage.PROVISION, text=text)


def _offer(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    roles = {role.name: role for role in task.arch.roles}
    for host in task.hosts:
        role = roles[host.lease.role]
        boot = kit.boot[host.node.boot]
        boot.offer(host.node, role, task.attempt, deadline)
        if not task.happened(Kind.OFFERED, host.node.name):
            offered = boot.offered(host.node, task.attempt)
            yield _event(Kind.OFFERED, host, f"{offered} offered to {host.node.mac}")


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


def _arrivals(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield how the machines get on until all called home; any one's console may end the wait."""
    here = {host.node.name for host, _ in task.access}
    waiting = [_Awaited(task, host, kit) for host in task.hosts if host.node.name not in here]
    while waiting:
        for awaited in tuple(waiting):
            host = awaited.host
            if access := kit.boot[host.node.boot].arrived(host.node, task.attempt):
                waiting.remove(awaited)
                yield _event(Kind.ARRIVED, host, "installed and called home", access)
            else:
                yield from awaited.news()
        _wait(waiting, deadline)


class _Awaited:
    """A machine that has not called home: what its console said, and what was told of that."""

    def __init__(self, task: Task, host: Host, kit: Kit) -> None:
        self.host = host
        self._task = task
        self._boot = kit.boot[host.node.boot]
        self._console = kit.console[host.node.console]
        self._path = console_path(task, host)
        self._clock = kit.clock
        self._said: tuple[str, ...] = ()
        self._progress: Progress | None = None
        self._diagnosis: Diagnosis | None = None
        #: why it left the network: what a disk says afterwards soon hides the firmware's words
        self._missed: Diagnosis | None = None
        past = task.happened(Kind.PROGRESS, host.node.name)
        self._told = Progress.heard(past.text) if past else None
        self._changed = self._since = self._quiet_until = kit.clock.now()

    def news(self) -> Iterator[Event]:
        """Yield how far the machine got, if that is worth a word; raise why it will not arrive."""
        now = self._clock.now()
        self._look(now)
        if self._diagnosis and now - self._since >= SURE:
            raise _failure(self.host, self._diagnosis)
        if self._progress and self._progress.news(self._told) and now >= self._quiet_until:
            self._told, self._quiet_until = self._progress, now + QUIET
            yield _event(Kind.PROGRESS, self.host, str(self._progress))

    def silence(self, deadline: Deadline) -> str:
        """Return what is known of it once the time is up in which it never called home."""
        hint = self._reset() or self._left() or recognise(self._said, over=True)
        why = hint.sentence if hint else self._hang()
        got = f"it fetched {', '.join(self._fetched())}" if self._fetched() else _UNSEEN
        last = quoted(self._said[-1]) if self._said else ""
        said = f"its console last said: {last}" if last else "its console said nothing"
        name = self.host.node.name
        told = "; ".join(part for part in (why, got, said) if part)
        silent = f"{name} did not call home within {deadline.seconds:.0f} s"
        silent += f" ({deadline.because})" if deadline.because else ""
        return f"{silent}: {told} (all of it: console-{name}.log)"

    def _look(self, now: datetime) -> None:
        said = words(self._console.tail(self._path, CONSOLE_LINES))
        if said == self._said:
            return
        self._said, self._progress, self._changed = said, progress(said), now
        self._missed = self._missed or missed(said)
        diagnosis = self._reset() if turned_on(said) else None
        diagnosis = diagnosis or recognise(said) or (None if self._fetched() else self._missed)
        if diagnosis != self._diagnosis:
            self._diagnosis, self._since = diagnosis, now

    def _fetched(self) -> tuple[str, ...]:
        return self._boot.fetched(self.host.node, self._task.attempt)

    def _reset(self) -> Diagnosis | None:
        return started_over(self._console.tail(self._path, WHOLE), str(self._task.attempt))

    def _left(self) -> Diagnosis | None:
        """Return why it booted its disk; an earlier look may have come too late for that."""
        return None if self._fetched() else missed(self._console.tail(self._path, WHOLE))

    def _hang(self) -> str:
        quiet = self._clock.now() - self._changed
        if not self._said or quiet < SILENT:
            return ""
        if _LOGIN in self._said[-1]:
            return "it runs some system that waits at its login prompt, and did not call home"
        return f"it hangs: its console has been silent for {quiet.seconds} s"


def _failure(host: Host, diagnosis: Diagnosis) -> InfraError | ConfigError:
    return diagnosis.error(f"{host.node.name}: {diagnosis.sentence}", node=host.node.name)


def _wait(waiting: Sequence[_Awaited], deadline: Deadline) -> None:
    """Wait a moment for those who have not called home; raise `BootTimeout` about the first."""
    if not waiting:
        return
    try:
        deadline.sleep(POLL_SECONDS)
    except OutOfTime as late:
        first = waiting[0]
        raise BootTimeout(first.silence(deadline), node=first.host.node.name) from late


def _answer(task: Task, host: Host, access: Access, kit: Kit, deadline: Deadline) -> None:
    """Return when the machine answers over SSH; raise `Unreachable` when the stage's time is up."""
    key = kit.boot[host.node.boot].key(task.attempt)
    last = "no try was made"
    try:
        while True:
            try:
                kit.shell.run(access, key, "exit 0", deadline.within(30, "SSH"))
            except Unreachable as silent:
                last = str(silent)
                deadline.sleep(POLL_SECONDS)
            else:
                return
    except OutOfTime as late:
        msg = f"{host.node.name} was installed but SSH does not answer: {last}; {late}"
        raise Unreachable(msg, node=host.node.name) from late

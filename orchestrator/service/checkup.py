"""The checkup: a machine that nobody has is put to the test, while nobody can lease it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from orchestrator.model.checkup import Check, Mark, NodeTest
from orchestrator.model.errors import ConfigError, NotFound, Occupied, OutOfTime, SmoketestError
from orchestrator.model.node import BootDevice, Node, NodeState, NodeStatus
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.console import ConsoleTrial
from orchestrator.ports.engine import Engine
from orchestrator.ports.power import Power, Senses
from orchestrator.ports.store import Nodes
from orchestrator.service.lab import Lab

#: the reason under which a node is out of service meanwhile; nobody else gives this one
TESTING: Final = "being tested (`smoketest node test`)"
#: seconds for all of it: whoever asked waits for the answer
PATIENCE = 135.0
#: most sensors that are named
_NAMED = 4

_Try = Callable[[Node, Deadline], str]


class _CannotTry(Exception):
    """This node's drivers have no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """Tests nodes; one that is in service is drained meanwhile, and comes back as it was."""

    lab: Lab
    clock: Clock
    nodes: Nodes
    engine: Engine
    #: by the names that nodes call their drivers by
    power: Mapping[str, Power]
    consoles: Mapping[str, ConsoleTrial]
    #: who tests which node in this process
    _busy: dict[str, object] = field(default_factory=dict)

    def resume(self) -> None:
        """Give back what an earlier process of ours was killed over; call it before any test."""
        self.nodes.give_back(TESTING, self.clock.now())

    def test(self, name: str, *, cycle: bool) -> NodeTest:
        """Return how the node's BMC does: login, power, sensors, boot device, console.

        With `cycle` the machine is switched off, on, and off. Raises `NotFound`, `Occupied` for a
        machine that somebody has, or `ConfigError` for one whose power driver is not here.
        """
        node = self.lab.nodes.get(name)
        if node is None:
            raise NotFound(f"there is no node {name}; `smoketest nodes` lists them")
        with self._alone(name), self._reserved(name):
            if node.power not in self.power:
                msg = f"{name} is switched by {node.power!r}, a driver that is not here"
                raise ConfigError(msg)
            deadline = Deadline(self.clock, PATIENCE, lambda: self._guard(name), f"testing {name}")
            checks = tuple(self._checks(node, deadline, cycle=cycle))
        ok = all(check.mark is not Mark.FAILED for check in checks)
        return NodeTest(node=name, ok=ok, checks=checks)

    def _checks(self, node: Node, deadline: Deadline, *, cycle: bool) -> Iterator[Check]:
        """Yield each check; one that makes the next pointless has them skipped."""
        login = self._check("login", self._login, node, deadline)
        yield login
        tries: dict[str, _Try] = {"boot device": self._boot_device, "console": self._console}
        for name, attempt in tries.items():
            yield self._after(login, name, attempt, node, deadline)
        if cycle:
            yield from self._cycle(login, node, deadline)
        else:
            yield self._after(login, "sensors", self._sensors, node, deadline)

    def _cycle(self, before: Check, node: Node, deadline: Deadline) -> Iterator[Check]:
        """Yield the switching; the sensors are read while the machine is on, as most want it."""
        off = self._after(before, "power off", self._switch(on=False), node, deadline)
        on = self._after(off, "power on", self._switch(on=True), node, deadline)
        yield from (off, on, self._after(on, "sensors", self._sensors, node, deadline))
        yield self._after(on, "power off again", self._switch(on=False), node, deadline)

    def _after(
        self, before: Check, name: str, attempt: _Try, node: Node, deadline: Deadline
    ) -> Check:
        if before.mark is Mark.OK:
            return self._check(name, attempt, node, deadline)
        return Check(name=name, mark=Mark.SKIPPED, said=f"not tried without {before.name}")

    def _check(self, name: str, attempt: _Try, node: Node, deadline: Deadline) -> Check:
        began = self.clock.now()
        try:
            deadline.check()
            mark, said = Mark.OK, attempt(node, deadline)
        except _CannotTry as reason:
            return Check(name=name, mark=Mark.SKIPPED, said=str(reason))
        except Occupied:
            raise
        except OutOfTime:
            mark, said = Mark.FAILED, f"not done when the {PATIENCE:.0f} s for the test were over"
        except SmoketestError as error:
            mark, said = Mark.FAILED, str(error)
        seconds = (self.clock.now() - began).total_seconds()
        return Check(name=name, mark=mark, said=said, seconds=round(seconds, 3))

    def _login(self, node: Node, deadline: Deadline) -> str:
        powered = self.power[node.power].is_on(node, deadline)
        return f"the BMC lets {node.bmc.user!r} in; the machine is {_word(powered)}"

    def _sensors(self, node: Node, deadline: Deadline) -> str:
        power = self.power[node.power]
        if not isinstance(power, Senses):
            raise _CannotTry(f"the driver {node.power!r} reads no sensors")
        found = power.sensors(node, deadline)
        if not found:
            raise _CannotTry("the BMC has none that can be read now")
        named = ", ".join(f"{name} {value}" for name, value in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return named + more

    def _boot_device(self, node: Node, deadline: Deadline) -> str:
        power = self.power[node.power]
        for device in (BootDevice.NETWORK, BootDevice.DISK):
            power.boot_next(node, device, deadline)
        return "network, then disk: each was set and read back; disk is set for the next boot"

    def _console(self, node: Node, deadline: Deadline) -> str:
        trial = self.consoles.get(node.console)
        if trial is None:
            raise _CannotTry(f"the driver {node.console!r} cannot be tried out")
        trial.try_out(node, deadline)
        return "serial-over-LAN opens"

    def _switch(self, *, on: bool) -> _Try:
        def switch(node: Node, deadline: Deadline) -> str:
            self.power[node.power].set(node, deadline, on=on)
            return f"it reads {_word(on)}"

        return switch

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Keep a second test of this process off the node."""
        ours = object()
        if self._busy.setdefault(name, ours) is not ours:
            raise Occupied(f"{name} is being tested already: wait for the end of that test")
        try:
            yield
        finally:
            del self._busy[name]

    @contextmanager
    def _reserved(self, name: str) -> Iterator[None]:
        """Keep the scheduler off the node; one that is out of service stays so afterwards."""
        if not self.nodes.reserve(name, TESTING, self.clock.now()):
            self._guard(name)
            yield
            return
        try:
            yield
        finally:
            self.nodes.give_back(TESTING, self.clock.now(), name)
            self.engine.wake()

    def _guard(self, name: str) -> None:
        """Raise `Occupied` once somebody else may have the machine."""
        status = self._status(name)
        if status.holder:
            msg = f"{name} is leased to {status.holder}: wait until it is released"
            raise Occupied(f"{msg}, or drain it and wait (`smoketest nodes`)", node=name)
        if status.state is NodeState.IN_SERVICE:
            msg = f"{name} was brought into service during the test, which ended there"
            raise Occupied(f"{msg}: test it again", node=name)

    def _status(self, name: str) -> NodeStatus:
        return next(status for status in self.nodes.all() if status.name == name)


def _word(powered: bool) -> str:  # noqa: FBT001  # it names the value
    return "on" if powered else "off"

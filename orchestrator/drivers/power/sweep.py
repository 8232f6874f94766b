"""The power state of many machines at once: every conversation in one child process.

For who wants to know how all of a rack stands, such as the look at idle machines: a process per
BMC costs more than what is said. It keeps no queue per BMC. Ask only about machines that nobody
commands meanwhile, and let the BMCs rest after it as after any conversation.
"""

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.drivers.power.patience import Passing, place
from orchestrator.drivers.power.rmcp import Conversation, Fate
from orchestrator.model.errors import PowerDenied, PowerError
from orchestrator.model.node import Bmc, Node
from orchestrator.ports.children import ChildDied, Children
from orchestrator.ports.clock import Deadline

#: conversations at once
AT_ONCE = 256
#: seconds until a packet is sent again; each time that much longer than before
_REPEAT, _SLOWER = 0.5, 1.7
#: how often a packet is sent in all: a BMC that says nothing is given up after 7 seconds
_TIMES = 5
#: how often a login is begun
_ATTEMPTS = 3
#: seconds that are kept back from the deadline to tell what was found
_MARGIN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The BMCs to ask, and for how long (seconds)."""

    bmcs: tuple[Bmc, ...]
    seconds: float
    at_once: int = AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one BMC said; no fate: nothing, or nothing more after `answered`."""

    fate: Fate | None
    on: bool = False
    words: str = field(default="", repr=False)
    answered: bool = False


def statuses(
    children: Children, nodes: Iterable[Node], deadline: Deadline, *, at_once: int = AT_ONCE
) -> Mapping[str, bool | PowerError]:
    """Return by each node's name whether it is powered, read now, or the error that says why not.

    The error is a `PowerDenied` if the login was refused. At most `at_once` BMCs are spoken to at
    a time; those that the deadline left no time for are in error. Raises what the deadline's
    guard does.
    """
    asked = tuple(nodes)
    seconds = max(0.0, deadline.left() - _MARGIN)
    order = Order(bmcs=tuple(node.bmc for node in asked), seconds=seconds, at_once=at_once)
    try:
        with children.start(read, order) as child:
            readings = child.result(deadline)
    except ChildDied as error:
        return {node.name: PowerError(f"{place(node)}: {error}", node=node.name) for node in asked}
    return {
        node.name: _judged(node, reading) for node, reading in zip(asked, readings, strict=True)
    }


def _judged(node: Node, reading: Reading) -> bool | PowerError:
    where = place(node)
    match reading.fate:
        case Fate.READ:
            return reading.on
        case Fate.DENIED:
            said = f"{where} refuses the login of {node.bmc.user!r}: {reading.words}"
            msg = f"{said}; correct its user and password, in the lab or at the BMC"
            return PowerDenied(msg, node=node.name)
        case Fate.REFUSED:
            msg = f"{where} says: {reading.words}; reset the BMC if it stays so"
            return PowerError(msg, node=node.name)
        case Fate.BUSY:
            return Passing(f"{where} has no session left: try again later", node=node.name)
    if reading.answered:
        msg = f"{where} broke the login off in silence: most meet an unknown user so; is"
        return Passing(f"{msg} {node.bmc.user!r} right? Else reset it", node=node.name)
    msg = f"{where} does not answer: is it powered, cabled, and is the address right?"
    return Passing(msg, node=node.name)


def read(order: Order) -> tuple[Reading, ...]:
    """Return what each BMC said, in their order; runs in a child process."""
    return _Sweep(order).run()


class _Line:
    """A conversation, its socket, and when its last packet is sent again."""

    def __init__(self, bmc: Bmc, attempt: int = 1) -> None:
        self.talk = Conversation(bmc)
        self.attempt = attempt
        #: a packet was sent twice: some BMCs answer the second one as another login
        self.doubled = False
        family, kind, _, _, where = socket.getaddrinfo(
            bmc.address, bmc.port, type=socket.SOCK_DGRAM
        )[0]
        self.socket = socket.socket(family, kind)
        self.socket.setblocking(False)  # noqa: FBT003  # its name says it
        self.socket.connect(where)
        self.told(self.talk.begin())

    def told(self, packet: bytes) -> None:
        """Send what comes next."""
        self._packet, self._times, self._pause = packet, 0, _REPEAT
        self.repeat()

    def repeat(self) -> None:
        """Send the last packet, again if it was."""
        self._times += 1
        self.doubled |= self._times > 1
        self.due = time.monotonic() + self._pause
        self._pause *= _SLOWER
        with contextlib.suppress(OSError):  # nobody listens there, or not yet
            self.socket.send(self._packet)

    @property
    def doubtful(self) -> bool:
        """Whether the login failed for what may be our own doing."""
        failed = self.talk.fate not in {None, Fate.READ}
        return failed and self.doubled and self.attempt < _ATTEMPTS

    @property
    def spent(self) -> bool:
        """Whether it was sent often enough; a goodbye need not be heard."""
        return self._times >= (2 if self.talk.fate else _TIMES)


class _Sweep:
    """All conversations of an order in one loop."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._end = time.monotonic() + order.seconds
        self._ready = selectors.DefaultSelector()
        self._waiting = deque(range(len(order.bmcs)))
        self._lines: dict[int, _Line] = {}
        self._readings: list[Reading] = [Reading(fate=None)] * len(order.bmcs)

    def run(self) -> tuple[Reading, ...]:
        while (self._waiting or self._lines) and time.monotonic() < self._end:
            self._fill()
            for key, _ in self._ready.select(self._pause()):
                self._receive(key.data)
            self._repeat()
        for number in [*self._lines]:
            self._close(number)
        return tuple(self._readings)

    def _fill(self) -> None:
        while self._waiting and len(self._lines) < self._order.at_once:
            self._begin(self._waiting.popleft())

    def _begin(self, number: int, attempt: int = 1) -> None:
        try:
            line = _Line(self._order.bmcs[number], attempt)
        except OSError as error:
            self._readings[number] = Reading(fate=Fate.REFUSED, words=str(error))
            return
        self._lines[number] = line
        self._ready.register(line.socket, selectors.EVENT_READ, number)

    def _pause(self) -> float:
        due = min((line.due for line in self._lines.values()), default=self._end)
        return max(0.0, min(due, self._end) - time.monotonic())

    def _receive(self, number: int) -> None:
        line = self._lines[number]
        try:
            packet = line.socket.recv(2048)
        except OSError:  # an ICMP error: it may be starting
            return
        if said := line.talk.hear(packet):
            line.told(said)
        elif line.talk.over:
            self._close(number)

    def _repeat(self) -> None:
        now = time.monotonic()
        for number, line in list(self._lines.items()):
            if line.due <= now and line.spent:
                self._close(number)
            elif line.due <= now:
                line.repeat()

    def _close(self, number: int) -> None:
        line = self._lines.pop(number)
        talk = line.talk
        self._readings[number] = Reading(
            fate=talk.fate, on=talk.on, words=talk.words, answered=talk.answered
        )
        self._ready.unregister(line.socket)
        line.socket.close()
        if line.doubtful:
            self._begin(number, line.attempt + 1)

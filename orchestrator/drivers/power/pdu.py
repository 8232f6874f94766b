"""Power through the outlets of a switched power strip, by SNMP."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.drivers.power import pdu_conversation as conversation
from orchestrator.drivers.power.patience import Passing, insist
from orchestrator.drivers.power.pdu_conversation import Order, Reply, Trouble
from orchestrator.drivers.power.queue import Queues, rest
from orchestrator.model.errors import (
    ConfigError,
    OutOfTime,
    PowerDenied,
    PowerError,
    PowerUnchanged,
)
from orchestrator.model.node import BootDevice, Node, Pdu
from orchestrator.model.secret import mask
from orchestrator.ports.children import ChildDied, Children
from orchestrator.ports.clock import Deadline

Talk = Callable[[Order], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How strips are treated, and how they name what they can do; times in seconds."""

    #: between two conversations with one strip; it also keeps machines from starting all at once
    gap: float = 1
    #: what one conversation may take
    patience: float = 10
    #: how long a new state may take to read back
    settle: float = 15
    #: how often a conversation is begun when the strip is busy or out of reach
    tries: int = 3
    #: how long a machine stays without power before it is fed again: its supplies run empty, and
    #: its BMC starts afresh
    rest: float = 10
    #: 1 (which is all that many strips speak), or 2 for 2c
    version: int = 1
    #: columns of the table of outlets: what is written to switch one, and what tells its state
    #: (PowerNet-MIB: rPDUOutletControlOutletCommand, rPDUOutletStatusOutletState)
    command: str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"
    state: str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4"
    #: what stands for on and off in both
    on: int = 1
    off: int = 2


class PduPower:
    """Feeds a node or cuts it off, at all outlets that it hangs on.

    A strip knows its outlets, not the machine: on means fed. A machine that is fed again starts
    only if its firmware is told to (`restore on AC power loss`).
    """

    def __init__(self, children: Children, manners: Manners | None = None) -> None:
        """Take who runs the conversations, and how strips are treated."""
        self._children = children
        self._manners = manners or Manners()
        self._queues = Queues(self._manners.gap)
        #: when, by this process's clock, a node was last read to be cut off
        self._cut: dict[str, float] = {}

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether any outlet feeds the node, read now."""
        return any(self._ask(node, conversation.read_outlets, self._order(node, 0), deadline))

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Feed the node, or cut it off; nothing is sent to outlets that are so already.

        A node that was cut off is fed again after a rest, a whole one if it is not known when.
        """
        if on:
            self._let_rest(node, deadline)
        order = replace(self._order(node, deadline.left()), wanted=on)
        fed = self._ask(node, conversation.switch_outlets, order, deadline)
        if set(fed) != {on}:
            said = f"{_place(node)} accepted 'power {_word(on)}' but still reads {_states(fed)}"
            msg = f"{said} after {order.settle:.3g} s: look at the strip"
            raise PowerUnchanged(msg, node=node.name)
        if not on:
            self._cut.setdefault(node.name, time.monotonic())
        else:
            self._cut.pop(node.name, None)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Raise `PowerError`: a strip cannot."""
        deadline.check()
        said = f"{_place(node)} sets no boot device, so not {device} either"
        msg = f"{said}: put the network first in the boot order of the machine's firmware"
        raise PowerError(msg, node=node.name)

    def _let_rest(self, node: Node, deadline: Deadline) -> None:
        """Wait if the node is cut off, until it has been for long enough."""
        if self.is_on(node, deadline):
            return
        cut = self._cut.setdefault(node.name, time.monotonic())
        rest(cut + self._manners.rest - time.monotonic(), deadline)

    def _order(self, node: Node, seconds: float) -> Order:
        """Return an order to the node's strip, which may settle for half of `seconds`."""
        manners = self._manners
        return Order(
            pdu=_pdu(node),
            version=manners.version,
            command=manners.command,
            state=manners.state,
            on=manners.on,
            off=manners.off,
            settle=min(manners.settle, seconds / 2),
        )

    def _ask(self, node: Node, talk: Talk, order: Order, deadline: Deadline) -> tuple[bool, ...]:
        """Return which outlets feed; begin again while there is hope and time."""

        def converse() -> tuple[bool, ...]:
            return self._converse(node, talk, order, deadline)

        tries = self._manners.tries
        return insist(converse, node, self._queues, tries, deadline, order.pdu)

    def _converse(
        self, node: Node, talk: Talk, order: Order, deadline: Deadline
    ) -> tuple[bool, ...]:
        limit = deadline.within(self._manners.patience + order.settle)
        try:
            with self._children.start(talk, order) as child:
                reply = child.result(limit)
        except OutOfTime as error:
            took = f"did not finish the conversation within {limit.seconds:.3g} s"
            raise Passing(f"{_place(node)} {took}") from error
        except ChildDied as error:
            words = mask(str(error), [order.pdu.community])
            raise Passing(f"{_place(node)} was not understood: {words}") from error
        if reply.trouble:
            raise _refusal(node, reply.trouble, mask(reply.words, [order.pdu.community]))
        return reply.fed


def _pdu(node: Node) -> Pdu:
    if node.pdu is None:
        msg = f"{node.name} hangs on no power strip: give it a [nodes.pdu] in the lab file"
        raise ConfigError(msg, node=node.name)
    return node.pdu


def _place(node: Node) -> str:
    pdu = _pdu(node)
    outlets = " and ".join(pdu.outlets)
    return f"{node.name}: the power strip at {pdu.address}:{pdu.port} (outlet {outlets})"


def _word(on: bool) -> str:  # noqa: FBT001  # a value
    return "on" if on else "off"


def _states(fed: tuple[bool, ...]) -> str:
    return " and ".join(map(_word, fed))


def _refusal(node: Node, trouble: Trouble, words: str) -> PowerError:
    said = f": {words}" if words else ""
    kind, what, advice = {
        Trouble.SILENT: (
            Passing,
            "does not answer",
            "is it on the network, and its community right? A wrong one is met with silence",
        ),
        Trouble.DENIED: (
            PowerDenied,
            "does not let us switch",
            "give us a community that may write",
        ),
        Trouble.UNKNOWN: (
            PowerError,
            "has no such outlet",
            "mend `outlets`, or the OIDs of strips",
        ),
        Trouble.PASSING: (Passing, "is not ready", "look at the strip if it stays so"),
    }[trouble]
    return kind(f"{_place(node)} {what}{said}; {advice}", node=node.name)

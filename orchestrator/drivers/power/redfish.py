"""Power over Redfish, by sushy."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.drivers.power import redfish_conversation as conversation
from orchestrator.drivers.power import redfish_inspection as inspection
from orchestrator.drivers.power.patience import Passing, insist, place
from orchestrator.drivers.power.queue import Queues
from orchestrator.drivers.power.redfish_conversation import Order, Reply, Trouble
from orchestrator.model.attestation import BmcReport
from orchestrator.model.errors import (
    ConfigError,
    OutOfTime,
    PowerDenied,
    PowerError,
    PowerUnchanged,
    SmoketestError,
)
from orchestrator.model.node import BootDevice, Node
from orchestrator.model.secret import mask
from orchestrator.ports.children import Child, ChildDied, Children
from orchestrator.ports.clock import Deadline

Talk = Callable[[Order], Reply]

#: seconds in which a conversation that is broken off may still log out
_FAREWELL = 0.4
#: what reads of a machine that still has power
_POWERED = frozenset({"on", "powering off"})
#: what to do about each trouble
_ADVICE = {
    Trouble.SILENT: "is it powered, cabled, and are address and port (often 443) right?",
    Trouble.STRANGER: "give the lab the certificate of its authority, or install one that we trust",
    Trouble.DENIED: "correct its user and password, in the lab or at the BMC",
    Trouble.PASSING: "reset the BMC if it stays so",
    Trouble.HOPELESS: "read its manual on Redfish, or power this node by another driver",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How BMCs are treated; times in seconds."""

    #: between two conversations with one BMC: some real ones crash when hurried
    gap: float = 5
    #: what one conversation, and one answer in it, may take
    patience: float = 30
    answer: float = 10
    #: how long a new state may take to read back
    settle: float = 30
    #: how often a conversation is begun when the BMC is busy or out of reach
    tries: int = 4
    #: the file of certificates that BMCs' are checked against; empty: the system's
    certificates: str = ""
    #: False trusts any certificate: whoever answers at a BMC's address then gets its password
    verify: bool = True
    #: without encryption; on this host only, for emulated BMCs
    plain: bool = False
    #: False for BMCs, such as sushy-tools', that read `Continuous` though `Once` was set
    reads_once: bool = True


class RedfishPower:
    """Talks Redfish to a node's BMC, each conversation in a child that can be killed."""

    def __init__(self, children: Children, manners: Manners | None = None) -> None:
        """Take who runs the conversations, and how BMCs are treated."""
        self._children = children
        self._manners = manners or Manners()
        self._queues = Queues(self._manners.gap)

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered, read now."""
        reply = self._ask(node, conversation.read_power, self._order(node, 0), deadline)
        return reply.state in _POWERED

    def inspect(self, node: Node, deadline: Deadline) -> BmcReport:
        """Return the power state, and what the BMC tells of users, firmware and next boot."""
        order = self._order(node, deadline.left())  # it settles nothing, but has much to say
        reply = self._ask(node, inspection.inspect, order, deadline)
        return BmcReport(powered=reply.state in _POWERED, facts=reply.facts)

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off at once; nothing is sent when it is so already."""
        wanted = "on" if on else "off"
        order = replace(self._order(node, deadline.left()), on=on)
        found = self._ask(node, conversation.set_power, order, deadline).state
        if found != wanted:
            raise _unchanged(node, f"power {wanted}", found, order)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on boot from `device`; nothing is sent when it is so already."""
        order = replace(self._order(node, deadline.left()), device=device)
        found = self._ask(node, conversation.set_boot_device, order, deadline).state
        if found != device:
            raise _unchanged(node, f"boot from {device}", found, order)

    def _order(self, node: Node, seconds: float) -> Order:
        """Return an order to a BMC whose state may settle for half of `seconds`."""
        manners = self._manners
        return Order(
            bmc=node.bmc,
            url=_url(node, manners),
            verify=manners.verify and (manners.certificates or True),
            mac=node.mac,
            name=node.name,
            answer=manners.answer,
            reads_once=manners.reads_once,
            settle=min(manners.settle, seconds / 2),
        )

    def _ask(self, node: Node, talk: Talk, order: Order, deadline: Deadline) -> Reply:
        """Return what the BMC reads; begin again while there is hope and time."""
        sent = False

        def converse() -> Reply:
            nonlocal sent
            reply = self._converse(node, talk, replace(order, sent=sent), deadline)
            sent = reply.sent
            if reply.trouble:
                raise _refusal(node, reply.trouble, reply.words)
            return reply

        return insist(converse, node, self._queues, self._manners.tries, deadline)

    def _converse(self, node: Node, talk: Talk, order: Order, deadline: Deadline) -> Reply:
        limit = deadline.within(self._manners.patience + order.settle)
        try:
            with self._children.start(talk, order) as child:
                return _heard(child, limit)
        except OutOfTime as error:
            took = f"did not finish the conversation within {limit.seconds:.3g} s"
            raise Passing(f"{place(node)} {took}: reset it") from error
        except ChildDied as error:
            words = mask(str(error), [node.bmc.password])
            msg = f"{place(node)} was not understood: {words}: does it speak Redfish there?"
            raise Passing(msg, node=node.name) from error


def _heard(child: Child[Reply], limit: Deadline) -> Reply:
    try:
        return child.result(limit)
    except ChildDied:
        raise
    except SmoketestError:
        child.interrupt()
        time.sleep(_FAREWELL)  # the lease may be lost: this touches the login, not the machine
        raise


def _url(node: Node, manners: Manners) -> str:
    """Return where the node's BMC speaks Redfish."""
    address = node.bmc.address
    if manners.plain and not _is_here(address):
        msg = f"{place(node)} would be sent its password unencrypted; only loopback is"
        raise ConfigError(f"{msg}: switch `plain` off", node=node.name)
    host = f"[{address}]" if ":" in address else address
    return f"{'http' if manners.plain else 'https'}://{host}:{node.bmc.port}"


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _unchanged(node: Node, command: str, found: str, order: Order) -> PowerUnchanged:
    said = f"{place(node)} accepted '{command}' but still reads {found}"
    return PowerUnchanged(f"{said} after {order.settle:.3g} s: reset the BMC", node=node.name)


def _refusal(node: Node, trouble: Trouble, words: str) -> PowerError:
    said = f": {mask(words, [node.bmc.password])}" if words else ""
    kind, what = {
        Trouble.SILENT: (Passing, "does not answer"),
        Trouble.STRANGER: (PowerError, "does not prove who it is"),
        Trouble.DENIED: (PowerDenied, f"refuses the login of {node.bmc.user!r}"),
        Trouble.PASSING: (Passing, "is not ready"),
        Trouble.HOPELESS: (PowerError, "cannot do it"),
    }[trouble]
    return kind(f"{place(node)} {what}{said}; {_ADVICE[trouble]}", node=node.name)

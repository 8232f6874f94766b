"""Power over IPMI, by pyghmi."""

from collections.abc import Callable

from orchestrator.drivers.power import conversation, inspection
from orchestrator.drivers.power.conversation import Order, Reply
from orchestrator.drivers.power.patience import Passing, insist, place
from orchestrator.drivers.power.queue import Queues
from orchestrator.drivers.power.sensors import read_sensors
from orchestrator.model.attestation import BmcReport
from orchestrator.model.errors import OutOfTime, PowerDenied, PowerError, PowerUnchanged
from orchestrator.model.node import BootDevice, Node
from orchestrator.model.secret import mask
from orchestrator.ports.children import ChildDied, Children
from orchestrator.ports.clock import Deadline

Talk = Callable[[Order], Reply]

#: seconds more for a conversation of dozens of answers, from a slow BMC
_MANY_ANSWERS = 30.0
#: what BMCs say when they refuse the login, in the words of pyghmi, lower case
_DENIED = (
    "incorrect password",
    "unauthorized",
    "invalid role",
    "invalid username",
    "integrity check",
    "wrong kg",
    "insufficient privilege",
    "privelege level",
)
#: what they say when they cannot do it at all; anything else may pass and is tried again
_HOPELESS = (
    "algorithm",
    "cipher suite",
    "integrity payload",
    "md5 required",
    "invalid command",
    "invalid data field",
    "parameter out of range",
    "subfunction disabled",
    "name or service not known",
    "no address associated",
)


class IpmiPower:
    """Talks IPMI 2.0 (RMCP+) to a node's BMC, each conversation in a child that can be killed."""

    def __init__(
        self,
        children: Children,
        *,
        gap: float = 5,
        patience: float = 15,
        settle: float = 20,
        tries: int = 4,
    ) -> None:
        """Take who runs the conversations, and how BMCs are treated (times in seconds).

        `gap` passes between two conversations with one BMC (some crash without), `patience` is
        what one may take, `settle` how long a new power state may take to read back, and `tries`
        how often a conversation is begun when the BMC is busy or out of reach.
        """
        self._children = children
        self._queues = Queues(gap)
        self._patience = patience
        self._settle = settle
        self._tries = tries

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered, read now."""
        return self._ask(node, conversation.read_power, Order(bmc=node.bmc), deadline).state == "on"

    def inspect(self, node: Node, deadline: Deadline) -> BmcReport:
        """Return the power state, and what the BMC tells of users, firmware and next boot."""
        order = Order(bmc=node.bmc, settle=_MANY_ANSWERS)
        reply = self._ask(node, inspection.inspect, order, deadline)
        return BmcReport(powered=reply.state == "on", facts=reply.facts)

    def sensors(self, node: Node, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """Return each sensor that reads a value now, as its name and e.g. `42 °C`."""
        return self._ask(
            node, read_sensors, Order(bmc=node.bmc, settle=_MANY_ANSWERS), deadline
        ).facts

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off; nothing is sent when it is so already."""
        wanted = "on" if on else "off"
        settle = min(self._settle, deadline.left() / 2)
        order = Order(bmc=node.bmc, on=on, settle=settle)
        found = self._ask(node, conversation.set_power, order, deadline).state
        if found != wanted:
            msg = f"{place(node)} accepted 'power {wanted}' but still reads {found}"
            raise PowerUnchanged(f"{msg} after {settle:.3g} s: reset the BMC", node=node.name)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on boot from `device`; nothing is sent when it is so already."""
        order = Order(bmc=node.bmc, device=device, uefi=node.uefi)
        found = self._ask(node, conversation.set_boot_device, order, deadline).state
        if found != device:
            msg = f"{place(node)} accepted 'boot from {device}' but still reads {found}"
            raise PowerUnchanged(f"{msg}: reset the BMC", node=node.name)

    def _ask(self, node: Node, talk: Talk, order: Order, deadline: Deadline) -> Reply:
        """Return what the BMC reads; begin again while there is hope and time."""

        def converse() -> Reply:
            return self._converse(node, talk, order, deadline)

        return insist(converse, node, self._queues, self._tries, deadline)

    def _converse(self, node: Node, talk: Talk, order: Order, deadline: Deadline) -> Reply:
        limit = deadline.within(self._patience + order.settle)
        try:
            with self._children.start(talk, order) as child:
                reply = child.result(limit)
        except OutOfTime as error:
            msg = (
                f"{place(node)} did not finish the conversation within {limit.seconds:.3g} s: most"
                f" meet an unknown user with silence, so is {node.bmc.user!r} right? Else reset it"
            )
            raise Passing(msg) from error
        except ChildDied as error:
            words = mask(str(error), [node.bmc.password])
            raise Passing(f"{place(node)} was not understood: {words}") from error
        if reply.refused:
            raise _refusal(node, reply.refusal, limit.seconds - limit.left())
        return reply


def _refusal(node: Node, words: str, seconds: float) -> PowerError:
    where = f"{node.bmc.address}:{node.bmc.port}"
    if not words:
        return Passing(
            f"{node.name}: no BMC answers at {where} within {seconds:.1f} s:"
            " is it powered, cabled, and is the address right?"
        )
    words = mask(words, [node.bmc.password])
    if any(text in words.lower() for text in _DENIED):
        said = f"{place(node)} refuses the login of {node.bmc.user!r}: {words}"
        msg = f"{said}; correct its user and password, in the lab or at the BMC"
        return PowerDenied(msg, node=node.name)
    kind = PowerError if any(text in words.lower() for text in _HOPELESS) else Passing
    return kind(f"{place(node)} says: {words}; reset the BMC if it stays so", node=node.name)

"""Power by a second way, the rack's power strip, when a machine's BMC fails."""

import logging
from collections.abc import Callable
from typing import TypeVar

from orchestrator.model.errors import OutOfTime, PowerDenied, PowerError
from orchestrator.model.node import BootDevice, Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power

Answer = TypeVar("Answer")

_LOG = logging.getLogger(__name__)


def _nobody(_node: Node, _text: str) -> None:
    """Tell nobody: the log has it."""


class FallbackPower:
    """Asks the first driver, and for nodes that hang on a strip the second when the first failed.

    Not when a login was refused: a password can be mended, and the machine's BMC is well. A strip
    knows its outlet, not the machine: on means fed, and a machine that was off stays off unless
    its firmware starts it when fed. It sets no boot device either.
    """

    def __init__(
        self, first: Power, second: Power, tell: Callable[[Node, str], None] = _nobody
    ) -> None:
        """Take both drivers, and who is told when the second one was used to command a node."""
        self._first = first
        self._second = second
        self._tell = tell

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered; by the second way: whether it is fed."""
        return self._either(
            node,
            deadline,
            lambda limit: self._first.is_on(node, limit),
            lambda _trouble: self._second.is_on(node, deadline),
        )

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off; by the second way: feed it or cut it off."""

        def by_strip(trouble: str) -> None:
            self._second.set(node, deadline, on=on)
            did = "fed by its power strip" if on else "cut off at its power strip"
            self._tell(node, f"{did}, since its BMC failed: {trouble}")

        self._either(node, deadline, lambda limit: self._first.set(node, limit, on=on), by_strip)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on boot from `device`, by the first way only."""
        try:
            self._first.boot_next(node, device, deadline)
        except PowerDenied:
            raise
        except PowerError as error:
            if node.pdu is None:
                raise
            msg = f"{error}; and no power strip sets a boot device: mend the BMC"
            raise type(error)(msg, node=node.name) from error

    def _either(
        self,
        node: Node,
        deadline: Deadline,
        first: Callable[[Deadline], Answer],
        second: Callable[[str], Answer],
    ) -> Answer:
        """Return what `first` does, within half the time if there is a strip, else `second`."""
        if node.pdu is None:
            return first(deadline)
        try:
            return first(deadline.within(deadline.left() / 2))
        except PowerDenied:
            raise
        except (PowerError, OutOfTime) as error:
            deadline.check()
            _LOG.warning("%s; its power strip is used", error)
            try:
                return second(str(error))
            except PowerError as worse:
                msg = f"{error}; and its power strip failed: {worse}"
                raise type(worse)(msg, node=node.name) from error

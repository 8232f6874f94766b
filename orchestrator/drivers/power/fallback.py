"""Power by a second way, such as the rack's power strip, when a machine's BMC fails."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from orchestrator.model.errors import OutOfTime, PowerDenied, PowerError
from orchestrator.model.node import Bmc, BootDevice, Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power

Answer = TypeVar("Answer")

_LOG = logging.getLogger(__name__)


class FallbackPower:
    """Asks the first driver, and the second when the first failed.

    Not when a login was refused: a password can be mended, and the machine's BMC is well. A strip
    knows its outlet, not the machine: on means fed, and a machine that was off stays off unless
    its firmware starts it when fed. It sets no boot device either.
    """

    def __init__(self, first: Power, second: Power, feeds: Mapping[str, Bmc]) -> None:
        """Take both drivers, and by node name where and as whom the second one logs in."""
        self._first = first
        self._second = second
        self._feeds = feeds

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered; by the second way: whether it is fed."""
        return self._either(
            node,
            deadline,
            lambda limit: self._first.is_on(node, limit),
            lambda fed: self._second.is_on(fed, deadline),
        )

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off; by the second way: feed it or cut it off."""
        self._either(
            node,
            deadline,
            lambda limit: self._first.set(node, limit, on=on),
            lambda fed: self._second.set(fed, deadline, on=on),
        )

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on boot from `device`, by the first way only."""
        try:
            self._first.boot_next(node, device, deadline)
        except PowerDenied:
            raise
        except PowerError as error:
            msg = f"{error}; and no power strip sets a boot device: mend the BMC"
            raise type(error)(msg, node=node.name) from error

    def _either(
        self,
        node: Node,
        deadline: Deadline,
        first: Callable[[Deadline], Answer],
        second: Callable[[Node], Answer],
    ) -> Answer:
        """Return what `first` does within half the time, else what `second` does."""
        try:
            return first(deadline.within(deadline.left() / 2))
        except PowerDenied:
            raise
        except (PowerError, OutOfTime) as error:
            deadline.check()
            feed = self._feeds.get(node.name)
            if feed is None:
                raise
            _LOG.warning("%s; its power strip is used", error)
            try:
                return second(replace(node, bmc=feed))
            except PowerError as worse:
                msg = f"{error}; and its power strip failed: {worse}"
                raise type(worse)(msg, node=node.name) from error

"""One conversation at a time with each BMC or power strip, and a rest between two."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.model.node import Bmc, Pdu
from orchestrator.ports.clock import Deadline

#: seconds between looks at the deadline's guard
GLANCE = 0.25


def rest(seconds: float, deadline: Deadline) -> None:
    """Return after `seconds`, or raise what the deadline does as soon as it does."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        deadline.sleep(min(GLANCE, left))
    deadline.check()


class Queues:
    """The queues of all peers, by address: one chassis controller may serve several machines."""

    def __init__(self, gap: float) -> None:
        """Let `gap` seconds pass between two conversations, and before the first after our start.

        What an earlier process of ours said last, and when, is not known.
        """
        self._gap = gap
        self._rested = time.monotonic() + gap
        self._lock = threading.Lock()
        self._queues: dict[tuple[str, int], _Queue] = {}

    @contextmanager
    def turn(self, peer: Bmc | Pdu, deadline: Deadline) -> Iterator[None]:
        """Wait until nobody talks to `peer` and it had its rest; be the only one meanwhile."""
        with self._lock:
            queue = self._queues.setdefault((peer.address, peer.port), _Queue(self._rested))
        deadline.check()
        while not queue.lock.acquire(timeout=min(GLANCE, deadline.left())):
            deadline.check()
        try:
            rest(queue.rested - time.monotonic(), deadline)
            yield
        finally:
            queue.rested = time.monotonic() + self._gap
            queue.lock.release()


class _Queue:
    def __init__(self, rested: float) -> None:
        self.lock = threading.Lock()
        self.rested = rested

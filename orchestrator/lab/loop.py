"""The one event loop of a machine's process, which pyghmi waits in too."""

import heapq
import itertools
import select
import struct
import time
import traceback
from collections.abc import Callable

from pyghmi.ipmi.private import session as ipmi

from orchestrator.model.errors import ConfigError

_FOR_EVER = 3600.0
#: what a malformed packet raises inside pyghmi, or a spoilt fault file: a BMC lives on
_SURVIVED = (
    *(IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error),
    ConfigError,
)


class Loop:
    """Waits for file handles and for times; single-threaded, so that its process can fork."""

    def __init__(self) -> None:
        """Take the place of pyghmi's own thread: a fork would keep the lock, and not the thread."""
        self._readers: dict[int, Callable[[], None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        ipmi.iothread, ipmi.iothreadready = self, True
        ipmi._io_wait = self._wait

    def watch(self, handle: int, action: Callable[[], None]) -> None:
        """Run `action` whenever `handle` can be read."""
        self._readers[handle] = action

    def forget(self, handle: int) -> None:
        """Watch `handle` no longer."""
        self._readers.pop(handle, None)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` once, after `seconds`."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))

    def run(self, afterwards: Callable[[], None]) -> None:
        """Serve for ever; `afterwards` runs each time that something happened."""
        while True:
            left = self._due[0][0] - time.monotonic() if self._due else _FOR_EVER
            try:
                ipmi.Session.wait_for_rsp(max(0.0, left))
            except _SURVIVED:
                traceback.print_exc()
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
            afterwards()

    def _wait(self, timeout: float, *_: object) -> None:
        for handle in select.select(list(self._readers), (), (), timeout)[0]:
            if handle in self._readers:
                self._readers[handle]()

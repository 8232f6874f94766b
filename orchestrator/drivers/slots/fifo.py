"""Places in this process, first come first served."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: seconds between looks at the guard while waiting
GLANCE = 0.5


class FifoSlots:
    """A semaphore that keeps the order: Python's own lets late threads overtake waiting ones."""

    def __init__(self, places: int) -> None:
        """Offer that many places."""
        self._free = places
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Return how many wait for a place now."""
        return len(self._queue)

    @contextmanager
    def take(self, guard: Callable[[], None]) -> Iterator[None]:
        """Wait for a place and hold it for the context; `guard` may end the wait by raising."""
        turn = self._enter()
        try:
            while not turn.wait(GLANCE):
                guard()
            yield
        finally:
            self._leave(turn)

    def _enter(self) -> threading.Event:
        turn = threading.Event()
        with self._lock:
            self._queue.append(turn)
            self._call()
        return turn

    def _leave(self, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():
                self._free += 1
            else:
                self._queue.remove(turn)
            self._call()

    def _call(self) -> None:
        """Give free places to those who waited longest; the lock is held."""
        while self._free and self._queue:
            self._free -= 1
            self._queue.popleft().set()

"""Calls through a queue for each agent: one after the other, in the order in which they came."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from urllib.parse import urlsplit

from stratus.rpc import call
from stratus.web import Json


class Bus:
    """The queues, each with the one thread that empties it."""

    def __init__(self) -> None:
        """Have no queue yet."""
        self._queues: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def call(self, method: str, url: str, key: str, body: Json | None = None) -> Json:
        """Return what the agent answers when it is our turn; raise `Refused` as a direct call."""
        with self._lock:
            queue = self._queues.setdefault(urlsplit(url).netloc, ThreadPoolExecutor(1))
        # The request's id goes along, so that the agent's log names it.
        return queue.submit(copy_context().run, call, method, url, key, body).result()

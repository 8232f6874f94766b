"""Consoles recorded by serial-over-LAN, by pyghmi."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.drivers.console.recording import Recording, record
from orchestrator.model.console import printed
from orchestrator.model.errors import SmoketestError, StoreAway
from orchestrator.model.node import Node
from orchestrator.model.secret import mask
from orchestrator.ports.children import Child, ChildDied, Children

_LOG = logging.getLogger(__name__)
#: seconds that make a session a success, whose end is told and mended afresh
_HELD = 10
#: seconds for a session to say goodbye to its BMC
_FAREWELL = 2
#: longest line that `tail` is sure to see whole, in bytes
_LONGEST_LINE = 1024


class SolConsole:
    """Records each node's serial console through its BMC, in a child that can be killed."""

    def __init__(self, children: Children, *, pause: float = 1, longest_pause: float = 15) -> None:
        """Take who runs the sessions, and how long (seconds) to wait before a lost one is renewed.

        The wait begins at `pause` and doubles up to `longest_pause` while no session comes about.
        """
        self._children = children
        self._pauses = (pause, longest_pause)

    @contextmanager
    def capture(self, node: Node, path: str, guard: Callable[[], None]) -> Iterator[None]:
        """Append the console to the file `path` until the context ends; never raises for it.

        What goes wrong stands in the file as a line in brackets. A session takes the console over
        from whoever has it, so `guard` is asked before each.
        """
        with suppress(OSError):  # the recorder tells it where it can be read
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        recorder = _Recorder(self._children, node, path, guard, self._pauses)
        recorder.start()
        try:
            yield
        finally:
            recorder.end()

    def tail(self, path: str, lines: int) -> tuple[str, ...]:
        """Return the last non-empty lines recorded in `path`, without control codes."""
        try:
            with Path(path).open("rb") as recorded:
                size = recorded.seek(0, os.SEEK_END)
                recorded.seek(max(0, size - lines * _LONGEST_LINE))
                text = recorded.read().decode(errors="replace")
        except OSError:  # nothing was recorded
            return ()
        return printed(text)[-lines:]


class _Recorder(threading.Thread):
    """Renews the session for as long as the capture lasts."""

    def __init__(
        self,
        children: Children,
        node: Node,
        path: str,
        guard: Callable[[], None],
        pauses: tuple[float, float],
    ) -> None:
        super().__init__(name=f"console {node.name}", daemon=True)
        self._children = children
        self._node = node
        self._path = path
        self._guard = guard
        self._pauses = pauses
        self._over = threading.Event()
        self._child: Child[str] | None = None

    def run(self) -> None:
        first, longest = self._pauses
        pause, said = first, ""
        while not self._over.is_set():
            began = time.monotonic()
            lost = self._session()
            if time.monotonic() - began > _HELD:
                pause, said = first, ""
            if lost != said and not self._over.is_set():
                said = lost  # the same trouble is told once, not every few seconds
                self._note(f"console lost: {lost}")
            self._over.wait(pause)
            pause = min(2 * pause, longest)

    def end(self) -> None:
        """End the session gently, so that the BMC frees the line; if it will not, at once."""
        self._over.set()
        if self._child:
            self._child.interrupt()
        self.join(_FAREWELL)
        if self.is_alive() and self._child:
            self._child.kill()
            self.join(_FAREWELL)

    def _session(self) -> str:
        """Record one session; return why it ended, or why there was none."""
        order = Recording(bmc=self._node.bmc, path=self._path)
        try:
            self._guard()
            with self._children.start(record, order) as child:
                self._child = child
                return "" if self._over.is_set() else child.result(None)
        except (ChildDied, StoreAway) as error:
            return str(error)
        except SmoketestError as error:  # the guard's last word: it is not ours to record
            self._over.set()
            self._note(f"console left alone: {error}")
            return ""

    def _note(self, text: str) -> None:
        line = mask(f"[{text}]", [self._node.bmc.password])
        try:
            with Path(self._path).open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            _LOG.warning(
                "%s: %s, and its console log cannot be kept: %s", self._node.name, line, error
            )

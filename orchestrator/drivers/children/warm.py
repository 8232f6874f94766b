"""Children forked from a warm process: a few milliseconds each, whatever they import."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import IO, Generic, cast

from orchestrator.ports.children import Argument, ChildDied, Result
from orchestrator.ports.clock import Deadline

ZYGOTE = "orchestrator.drivers.children.zygote"
#: seconds between looks at the deadline's guard
GLANCE = 0.25


class WarmChildren:
    """Starts children from one zygote, which is started at the first use and again if it dies."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id of the zygote, None while there is none."""
        return self._zygote.pid if self._zygote else None

    @contextmanager
    def start(
        self, function: Callable[[Argument], Result], argument: Argument
    ) -> Iterator["WarmChild[Argument, Result]"]:
        """Yield a child that runs `function(argument)`; kill it at the end."""
        try:
            child = self._conceive(function, argument)
        except OSError as error:
            msg = f"cannot start a process: {error}"
            raise ChildDied(msg) from error
        try:
            yield child
        finally:
            child.close()

    def close(self) -> None:
        """End the zygote and every child."""
        with self._lock:
            self._bury()

    def _conceive(
        self, function: Callable[[Argument], Result], argument: Argument
    ) -> "WarmChild[Argument, Result]":
        words = os.fdopen(os.memfd_create("words"), "r+b")
        ours, theirs = socket.socketpair()
        with theirs:
            self._order(function.__module__, theirs.fileno(), words.fileno())
        return WarmChild(ours, words, function, argument)

    def _order(self, module: str, *files: int) -> None:
        with self._lock:
            if self._control is not None:
                with suppress(OSError):  # it was killed: start another
                    socket.send_fds(self._control, [module.encode()], files)
                    return
                self._bury()
            socket.send_fds(self._begin(), [module.encode()], files)

    def _begin(self) -> socket.socket:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-m", ZYGOTE, str(theirs.fileno()), str(os.getpid())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal is for us to handle
            )
        return self._control

    def _bury(self) -> None:
        if self._control:
            self._control.close()
        if self._zygote:
            self._zygote.kill()
            self._zygote.wait()
        self._control = self._zygote = None


class WarmChild(Generic[Argument, Result]):
    """One forked child, seen from its caller."""

    def __init__(
        self,
        caller: socket.socket,
        words: IO[bytes],
        function: Callable[[Argument], Result],
        argument: Argument,
    ) -> None:
        """Take our end of the child's socket, the file it prints to, and its order."""
        self._socket = caller
        self._words = words
        self._order = (function, argument)
        self._lock = threading.Lock()
        self._process: int | None = None  # a pidfd: unlike a number it cannot come to mean another
        self._closed = False

    def result(self, deadline: Deadline | None) -> Result:
        """Give the order, and return what the function returned."""
        try:
            self._greet(deadline)
            with Connection(os.dup(self._socket.fileno())) as connection:
                connection.send(self._order)
                self._await(deadline)
                return cast(Result, connection.recv())
        except (EOFError, OSError) as error:
            raise ChildDied(self._last_words()) from error

    def interrupt(self) -> None:
        """Send SIGTERM; a child that has no order yet will never get it."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Kill the child and forget it."""
        self.kill()
        with self._lock:
            self._closed = True
            self._socket.close()
            self._words.close()
            if self._process is not None:
                os.close(self._process)

    def _greet(self, deadline: Deadline | None) -> None:
        self._await(deadline)
        with self._lock:
            _, processes, _, _ = socket.recv_fds(self._socket, 1, 1)
            if not processes:
                raise EOFError
            self._process = processes[0]

    def _await(self, deadline: Deadline | None) -> None:
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        if deadline is None:
            ready.poll()
            return
        while not ready.poll(1000 * min(GLANCE, deadline.left())):
            deadline.check()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._closed:
                return
            if self._process is None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                return
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def _last_words(self) -> str:
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").split("\n")
        said = [line for line in lines if line.strip()]
        return said[-1].strip() if said else "a child process was killed before it could answer"

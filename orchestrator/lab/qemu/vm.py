"""One QEMU that belongs to no node: it builds images and templates, and ends with its builder."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from orchestrator.lab.processes import die_with_parent
from orchestrator.lab.qemu import command
from orchestrator.lab.qemu.command import Parts
from orchestrator.lab.qemu.monitor import Monitor, watch

_END_SECONDS = 10.0


class Machine:
    """A running QEMU."""

    def __init__(self, process: "subprocess.Popen[bytes]", over: "Future[str]") -> None:
        """Take the process, and what will hold the reason of its end."""
        self._process = process
        self._over = over

    def running(self) -> bool:
        """Return whether it runs."""
        return self._process.poll() is None

    def reason(self, seconds: float) -> str:
        """Wait for its end and return QEMU's reason; raise `TimeoutError`."""
        return self._over.result(timeout=seconds)


@contextmanager
def power(
    parts: Callable[[int], Parts], console: Path, use: Callable[[Monitor], object] | None = None
) -> Iterator[Machine]:
    """Yield a machine whose serial port goes to the file `console`; it is off afterwards.

    `parts` is given the monitor's handle. `use` is what its monitor is used for until it ends;
    by default that is only to learn why it did.
    """
    near, far = socket.socketpair()
    here = os.getpid()
    with near, far, console.open("ab") as output, ThreadPoolExecutor(1) as pool:
        process = subprocess.Popen(
            command.command(parts(far.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(far.fileno(),),
            preexec_fn=lambda: die_with_parent(here),
        )
        far.close()
        over = pool.submit(watch, near, use or Monitor.ended)  # type: ignore[arg-type]
        try:
            yield Machine(process, over)
        finally:
            process.kill()
            process.wait(_END_SECONDS)

"""A child process whose output is read line by line, and that ends with us or its deadline."""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.ports.clock import Deadline

_GLANCE = 0.25  # seconds between two looks at the deadline
_CHUNK = 65536  # longer lines are cut


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    take: Callable[[str], None],
    deadline: Deadline,
) -> int:
    """Return the exit status of `argv`, below zero for a signal; `take` is given each line.

    The child works in `folder` with exactly `env`, both outputs as one, in a session of its own,
    all of which is killed when the call ends, however it ends.
    """
    with subprocess.Popen(
        [*_leash(), *argv],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            _pump(process, take, deadline)
            while process.poll() is None:
                deadline.sleep(_GLANCE)
            return process.returncode
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child's session and see it gone."""
    give_up = time.monotonic() + _GLANCE
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while time.monotonic() < give_up:  # grandchildren: somebody else has to bury them
            os.killpg(process.pid, 0)
            time.sleep(_GLANCE / 50)
    process.wait()


def _leash() -> tuple[str, ...]:
    """Return the command that makes the kernel kill its child when our thread is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _pump(
    process: subprocess.Popen[bytes], take: Callable[[str], None], deadline: Deadline
) -> None:
    handle = process.stdout.fileno() if process.stdout else -1
    ready = select.poll()
    ready.register(handle, select.POLLIN)
    held = b""
    while True:
        if ready.poll(1000 * _GLANCE):
            data = os.read(handle, _CHUNK)
            *lines, held = (held + data).split(b"\n")
            lines += [held] if not data or len(held) > _CHUNK else []
            for line in filter(None, lines):
                take(line.decode(errors="replace"))
            held = b"" if len(held) > _CHUNK else held
            if not data:
                return
        elif process.poll() is not None:  # what it left behind holds the pipe
            return
        deadline.check()

"""What the console of a builder's machine shows while its end is awaited."""

import time
from contextlib import suppress
from pathlib import Path

from orchestrator.lab.qemu.vm import Machine
from orchestrator.model.console import Diagnosis, printed, quoted, recognise
from orchestrator.model.errors import BootTimeout

#: what is recognised counts when the next look finds it, too: a last line may be there in part
_LOOK_SECONDS = 5.0
#: as much as a stage reads of an install's console
_LINES = 60
#: more than they take, in characters
_READ = 1 << 16


def wait(machine: Machine, console: Path, seconds: float, look: float = _LOOK_SECONDS) -> str:
    """Wait for the machine's end and return QEMU's reason.

    Raises `ConfigError` or `InfraError` with the cause as soon as `console` shows that it gave up,
    and `BootTimeout` with the console's last words after `seconds`.
    """
    give_up = time.monotonic() + seconds
    before: Diagnosis | None = None
    while (left := give_up - time.monotonic()) > 0:
        with suppress(TimeoutError):
            return machine.reason(min(look, left))
        found = recognise(_lines(console)[-_LINES:])
        if found and found == before:
            raise found.error(f"{found.sentence} (all of it: {console})")
        before = found
    msg = f"the machine was not done within {seconds:.0f} s; its console last said: "
    raise BootTimeout(msg + last(console))


def last(console: Path) -> str:
    """Return the last line that the console printed."""
    lines = _lines(console)
    return quoted(lines[-1]) if lines else "nothing"


def _lines(console: Path) -> tuple[str, ...]:
    return printed(console.read_text(errors="replace")[-_READ:])

"""Has the APIs of a machine that only SSH leads to answer here, at their own addresses."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import MachineError, Place

_STEADY = (
    "BatchMode=yes",
    "ConnectTimeout=60",
    "ExitOnForwardFailure=yes",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    "ServerAliveInterval=15",
    "StrictHostKeyChecking=yes",
)
_UP = "up"


@contextmanager
def tunnel(place: Place) -> Iterator[None]:
    """Lead the place's `forwarded` ports to it while the context lasts.

    It ends with this process, however that ends: what it runs there reads from us. Raises
    `MachineError` if the machine does not let us in or a port is taken here.
    """
    with tempfile.TemporaryDirectory() as folder, Path(folder, "said").open("w+") as said:
        known = Path(folder, "known_hosts")
        known.write_text(f"{place.host_key}\n", encoding="utf-8")
        with subprocess.Popen(
            _command(place, known),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process:
            # SSH runs a command once all ports are led, not before.
            if process.stdout and process.stdout.readline().strip() != _UP:
                process.wait()
                raise MachineError(_complaint(place, Path(said.name).read_text()))
            try:
                yield
            finally:
                process.terminate()


def _command(place: Place, known: Path) -> list[str]:
    settings = (*_STEADY, f"UserKnownHostsFile={known}")
    options = [word for setting in settings for word in ("-o", setting)]
    ways = (f"{place.address}:{port}:{place.address}:{port}" for port in place.forwarded)
    options += [word for way in ways for word in ("-L", way)]
    login = ["-i", place.key, "-p", str(place.port), f"{place.user}@{place.address}"]
    return ["ssh", "-F", "/dev/null", *options, *login, f"echo {_UP}; cat"]


def _complaint(place: Place, said: str) -> str:
    ports = ", ".join(map(str, place.forwarded))
    why = " / ".join(line.strip() for line in said.splitlines() if line.strip())
    return f"{place.name}'s ports {ports} cannot be reached from here: {why or 'SSH ended'}"

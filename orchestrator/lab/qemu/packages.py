"""The package cache that emulated nodes install from: what one fetched, none fetches again."""

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.lab.files import write_atomic
from orchestrator.lab.processes import die_with_parent
from orchestrator.model.errors import ConfigError

#: the mirror's folder as the nodes see it
DIRECTORY = "/debian"
_PROGRAM = "apt-cacher-ng"
#: it takes a port above 32767 for none at all
_PORTS = (20000, 30000)
_DICE = random.SystemRandom()
_CONFIGURATION = """\
CacheDir: {folder}/kept
LogDir: {folder}/log
SupportDir: /usr/lib/apt-cacher-ng
BindAddress: 127.0.0.1
Port: {port}
ForeGround: 1
Remap-mirror: {directory} ; {mirror}
# nothing but that mirror, and no pages for people
ForceManaged: 1
# nobody but the lab's own nodes asks, and what they ask for stays
ExThreshold: 0
VerboseLog: 1
NetworkTimeout: 40
DirPerms: 00755
FilePerms: 00644
"""


def free_port() -> int:
    """Return a loopback port that is free now, of those that the cache can listen on."""
    while True:
        port = _DICE.randrange(*_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def command(folder: Path, port: int, mirror: str) -> tuple[str, ...]:
    """Return the command of a cache of `mirror` on a loopback port; it stays in the foreground.

    It keeps everything in `folder`, for which this writes its configuration; it may be killed at
    any instant. Nodes use `http://HOST:PORT/debian`. Raises `ConfigError` when it is not installed.
    """
    program = shutil.which(_PROGRAM, path="/usr/sbin:/usr/bin")
    if program is None:
        advice = f"type: apt-get install {_PROGRAM}"
        raise ConfigError(f"no package cache {_PROGRAM} on this host; {advice}")
    folder = folder.absolute()
    for name in ("kept", "log", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.format(
        folder=folder, port=port, directory=DIRECTORY, mirror=mirror.rstrip("/")
    )
    write_atomic(folder / "etc" / "acng.conf", text)
    return (program, "-c", str(folder / "etc"))


@contextmanager
def running(argv: Sequence[str]) -> Iterator[None]:
    """Run a cache for as long as the context lasts; it dies with us."""
    here = os.getpid()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(here),
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()

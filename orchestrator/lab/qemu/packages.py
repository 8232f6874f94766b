"""The package cache that emulated nodes install from: what one fetched, none fetches again.

A user's labs share it, and its port with it: what was installed remembers where its packages came
from, golden images with the rest. One lab runs it at a time; when that ends, the next one does.
"""

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


def port(folder: Path) -> int:
    """Return the loopback port of the cache in `folder`, chosen once for all labs."""
    path = folder / "port"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"port.{os.getpid()}"
        draft.write_text(str(_free_port()))
        with suppress(FileExistsError):  # another lab was first: its port is ours, too
            os.link(draft, path)
        draft.unlink()
    return int(path.read_text())


def _free_port() -> int:
    """Return a port that is free now, of those that the cache can listen on."""
    while True:
        found = _DICE.randrange(*_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", found))
            return found


def command(folder: Path, at: int, mirror: str) -> tuple[str, ...]:
    """Return the command of a cache of `mirror` on a loopback port; it stays in the foreground.

    While another runs in that folder it waits for its end. It keeps everything in `folder`, for
    which this writes its configuration; it may be killed at any instant. Nodes use
    `http://HOST:PORT/debian`. Raises `ConfigError` when it is not installed.
    """
    program = shutil.which(_PROGRAM, path="/usr/sbin:/usr/bin")
    if program is None:
        advice = f"type: apt-get install {_PROGRAM}"
        raise ConfigError(f"no package cache {_PROGRAM} on this host; {advice}")
    folder = folder.absolute()
    for name in ("kept", "log", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.format(
        folder=folder, port=at, directory=DIRECTORY, mirror=mirror.rstrip("/")
    )
    write_atomic(folder / "etc" / "acng.conf", text)
    return (*_alone(folder / "lock"), program, "-c", str(folder / "etc"))


def _alone(lock: Path) -> tuple[str, ...]:
    program = shutil.which("flock")
    if program is None:
        raise ConfigError("no flock on this host; type: apt-get install util-linux")
    return (program, "--no-fork", str(lock))


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

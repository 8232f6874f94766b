"""libvirt with its own test driver, as `virsh` and every other client of libvirt speaks to it.

It is libvirt's daemon itself, so the protocol and the checks of definitions are the real ones. Its
other drivers are kept from it: no QEMU, network or disk of this host is touched. Simulated by the
test driver: domains, networks, pools and volumes as definitions, and the states of domains. Not
simulated: guests (nothing boots), files and devices, migration, what only the QEMU driver checks
(machine types, devices' addresses), libvirt's TLS and SASL; what a domain's `type` is: `test`.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.errors import ConfigError

#: what brings the daemon and its client
NEEDS = ("libvirt-clients", "libvirt-daemon")
#: what it is called in domains' definitions
KIND = "test"
_SYSTEM_PATH = ":/usr/sbin:/sbin"
#: where its sockets are; whoever is not its owner cannot enter
_PLACE, _PREFIX = "/tmp", "smoketest-libvirt-"  # noqa: S108
_UP_SECONDS = 60.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_CONFIG = """\
unix_sock_dir = "{folder}"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
auth_unix_rw = "none"
auth_unix_ro = "none"
min_workers = 1
max_workers = 4
"""
#: the test driver forgets all with its last connection, and begins with a domain of its own
_KEEP = "destroy test; undefine test; event --loop --all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """libvirt's daemon and its client."""

    daemon: str
    client: str


def missing() -> str:
    """Return what to type so that KVM's guests are libvirt's domains; nothing if they are."""
    return "" if find() else f"sudo apt-get install --no-install-recommends {' '.join(NEEDS)}"


def find() -> Programs | None:
    """Return libvirt's programs, None if they are not installed here."""
    path = f"{os.environ.get('PATH', os.defpath)}{_SYSTEM_PATH}"
    daemon, client = (shutil.which(name, path=path) for name in ("libvirtd", "virsh"))
    return Programs(daemon=daemon, client=client) if daemon and client else None


@contextmanager
def serving(programs: Programs) -> Iterator[str]:
    """Have a daemon of one's own until the block is left; yield the URI of its test driver."""
    # Not below the machine's own folder: a socket's path has room for a hundred characters.
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_PLACE) as name:
        folder = Path(name)
        (folder / "drivers").mkdir()
        config = folder / "libvirtd.conf"
        config.write_text(_CONFIG.format(folder=folder))
        uri = f"test+unix:///default?socket={folder}/libvirt-sock"
        own = {"LIBVIRT_DRIVER_DIR": f"{folder}/drivers", "HOME": name, "XDG_RUNTIME_DIR": name}
        command = (programs.daemon, "--config", str(config), "--pid-file", f"{folder}/pid")
        with _child(command, {**os.environ, **own}) as daemon:
            _wait("libvirtd", daemon, (folder / "libvirt-sock").exists)
            with _child((programs.client, "-q", "-c", uri, _KEEP), dict(os.environ)) as keeper:
                _wait("virsh", keeper, lambda: _empty(programs, uri))
                yield uri


def _sweep() -> None:
    """Remove the folders of daemons that were killed, as machines are that lose their power."""
    for pid in Path(_PLACE).glob(f"{_PREFIX}*/pid"):
        with suppress(OSError, ValueError):
            words = Path(f"/proc/{int(pid.read_text())}/cmdline")
            if not words.exists() or str(pid).encode() not in words.read_bytes():
                shutil.rmtree(pid.parent)


def _empty(programs: Programs, uri: str) -> bool:
    """Return whether it answers, and the domain that it began with is gone."""
    command = (programs.client, "-q", "-c", uri, "list", "--all", "--name")
    done = subprocess.run(command, capture_output=True, text=True, timeout=_UP_SECONDS, check=False)
    return done.returncode == 0 and not done.stdout.strip()


@contextmanager
def _child(command: tuple[str, ...], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Return when it is; raise `ConfigError` if the process ends before that, or time does."""
    end = time.monotonic() + _UP_SECONDS
    while not ready():
        if process.poll() is not None:
            raise ConfigError(f"{name} ended with status {process.returncode}")
        if time.monotonic() > end:
            raise ConfigError(f"{name} is not ready after {_UP_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)

"""A machine of the cloud, as its administrator sees it: over SSH."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry

_CONNECT_SECONDS = 60.0
_COMMAND_SECONDS = 120.0


class MachineError(Exception):
    """What went wrong on a machine, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A host of `hosts.json`: how to log in, and where its services log."""

    name: str
    address: str
    port: int
    user: str
    #: path of the private key
    key: str
    #: its line of known_hosts
    host_key: str
    #: folder of the services' logs
    log: str
    #: command that runs its arguments in the network that guests are in
    within: str
    #: ports of its APIs, if nothing but SSH leads to it from here
    forwarded: Sequence[int] = ()


def places(path: Path) -> tuple[Place, ...]:
    """Return the hosts that the deploy wrote down in `hosts.json`."""
    try:
        hosts = json.loads(path.read_text(encoding="utf-8"))["hosts"]
        return tuple(Place(**host) for host in hosts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} does not say how to reach the hosts ({error}); see the log of the deploy"
        raise MachineError(msg) from error


class Machine:
    """One SSH connection; the host key must be the one that the machine called home with."""

    def __init__(self, place: Place) -> None:
        """Log in."""
        self.place = place
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        entry = HostKeyEntry.from_line(place.host_key)
        if entry is None or entry.key is None:
            raise MachineError(f"{place.name}: {place.host_key[:40]!r} is no line of known_hosts")
        for name in entry.hostnames or ():
            self._ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)
        try:
            self._ssh.connect(
                place.address,
                place.port,
                place.user,
                key_filename=place.key,
                timeout=_CONNECT_SECONDS,
                banner_timeout=_CONNECT_SECONDS,
                auth_timeout=_CONNECT_SECONDS,
                allow_agent=False,
                look_for_keys=False,
            )
        except (OSError, paramiko.SSHException) as error:
            raise MachineError(f"{place.name} does not let us in: {error}") from error

    def close(self) -> None:
        """Log out."""
        self._ssh.close()

    def said(self, argv: Sequence[str], *, stdin: str = "") -> tuple[int, str]:
        """Return a command's exit status and all that it printed."""
        command = shlex.join(argv)
        try:
            given, out, _ = self._ssh.exec_command(f"{command} 2>&1", timeout=_COMMAND_SECONDS)
            given.write(stdin)
            given.channel.shutdown_write()
            text = out.read().decode(errors="replace")
            return out.channel.recv_exit_status(), text
        except (OSError, paramiko.SSHException) as error:
            why = str(error) or f"no answer within {_COMMAND_SECONDS:.0f} s"
            raise MachineError(f"{command} on {self.place.name}: {why}") from error

    def within(self, argv: Sequence[str], *, stdin: str = "") -> tuple[int, str]:
        """Do the same in the network that guests are in."""
        return self.said([*shlex.split(self.place.within), *argv], stdin=stdin)

"""A node that runs guests, as its administrator sees it: over SSH."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from paramiko.hostkeys import HostKeyEntry

_CONNECT_SECONDS = 90.0
_COMMAND_SECONDS = 300.0
_ANSWER_SECONDS = 60.0


class NodeError(Exception):
    """What went wrong on a node, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network for guests: the node's bridge, what it leaves by, and the addresses on it."""

    bridge: str
    #: the node's card that the bridge's frames leave by, or empty
    uplink: str
    #: the 802.1Q tag that they leave with, 0 for none
    vlan: int
    #: the node's own, with its prefix
    node: str
    #: the first guest's, with its prefix
    guest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An iSCSI target: its portal, its name, and the file on the node behind its LUN 1."""

    portal: str
    iqn: str
    file: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A host of `hosts.json`: how to log in, and what was deployed there."""

    name: str
    address: str
    port: int
    user: str
    #: path of the private key
    key: str
    #: its line of known_hosts
    host_key: str
    kernel: str
    initrd: str
    networks: tuple[Network, ...]
    target: Target


def read(path: Path) -> tuple[Place, ...]:
    """Return the hosts that the deploy wrote down in `hosts.json`."""
    try:
        hosts = json.loads(path.read_text(encoding="utf-8"))["hosts"]
        return tuple(_place(host) for host in hosts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} does not say how to reach the hosts ({error}); see the log of the deploy"
        raise NodeError(msg) from error


def _place(host: Mapping[str, Any]) -> Place:
    networks = tuple(Network(**network) for network in host["networks"])
    return Place(**{**host, "networks": networks, "target": Target(**host["target"])})


class Node:
    """One SSH connection; the host key must be the one that the node called home with."""

    def __init__(self, place: Place) -> None:
        """Log in."""
        self.place = place
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        entry = HostKeyEntry.from_line(place.host_key)
        if entry is None or entry.key is None:
            raise NodeError(f"{place.name}: {place.host_key[:40]!r} is no line of known_hosts")
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
            raise NodeError(f"{place.name} does not let us in: {error}") from error

    def close(self) -> None:
        """Log out."""
        self._ssh.close()

    def run(
        self, argv: Sequence[str], *, stdin: str = "", seconds: float = _COMMAND_SECONDS
    ) -> str:
        """Return what a command prints; raise `NodeError` with what it complained of.

        That is its first and last complaint: the cause, as a rule, and what came of it.
        """
        command = shlex.join(argv)
        try:
            given, out, err = self._ssh.exec_command(command, timeout=seconds)
            given.write(stdin)
            given.channel.shutdown_write()
            said, complaint = out.read().decode(errors="replace"), err.read().decode()
            status = out.channel.recv_exit_status()
        except (OSError, paramiko.SSHException) as error:
            why = str(error) or f"no answer within {seconds:.0f} s"
            raise NodeError(f"{command} on {self.place.name}: {why}") from error
        if status:
            lines = [line.strip() for line in (complaint or said).splitlines() if line.strip()]
            ends = dict.fromkeys((lines[0], lines[-1])) if lines else (f"exit status {status}",)
            why = " ... ".join(ends)
            raise NodeError(f"{command} failed on {self.place.name}: {why}")
        return said

    def ask(self, address: str, port: int) -> str:
        """Return all that a TCP service says to somebody who connects to it from this node."""
        transport = self._ssh.get_transport()
        if transport is None:
            raise NodeError(f"the connection to {self.place.name} is gone")
        try:
            with transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=_ANSWER_SECONDS
            ) as channel:
                channel.settimeout(_ANSWER_SECONDS)
                return channel.makefile("rb").read().decode(errors="replace")
        except (OSError, paramiko.SSHException) as error:
            why = str(error) or f"silent for {_ANSWER_SECONDS:.0f} s"
            raise NodeError(f"{address} port {port}, from {self.place.name}: {why}") from error

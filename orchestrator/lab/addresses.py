"""The address plan: every machine has loopback addresses of its own in 127.S.0.0/16."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.model.errors import ConfigError

#: 623 and 22 need privilege
BMC_PORT = 6230
SSH_PORT = 2222
#: where the device listens, too
LEFTHAND_PORT = 16022
SUBNETS = range(64, 127)
MOST_NODES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The addresses of one lab; machines are counted from 1."""

    subnet: int

    def bmc(self, number: int) -> str:
        """Return where the BMC of machine `number` listens."""
        return f"127.{self.subnet}.1.{number}"

    def host(self, number: int) -> str:
        """Return where the machine itself listens."""
        return f"127.{self.subnet}.2.{number}"

    def array(self) -> str:
        """Return where the lab's simulated storage array listens."""
        return f"127.{self.subnet}.4.1"

    def mac(self, number: int) -> str:
        """Return its locally administered MAC, in lower case as iPXE prints it."""
        return f"52:54:00:{self.subnet:02x}:{number >> 8:02x}:{number & 255:02x}"


def name_of(number: int) -> str:
    """Return the machine's name: `n01`, ... `n200`."""
    return f"n{number:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A subnet that is ours as long as this process, or a child of it, holds `lock`."""

    plan: Plan
    lock: socket.socket


def claim(preferred: int | None) -> Claim:
    """Return the first free subnet, `preferred` before all others.

    Raises `ConfigError` when every subnet is in use.
    """
    for subnet in _candidates(preferred):
        lock = _lock(subnet)
        if lock is None:
            continue
        if _bindable(Plan(subnet=subnet)):
            return Claim(plan=Plan(subnet=subnet), lock=lock)
        lock.close()
    raise ConfigError(
        f"no free lab subnet: 127.{SUBNETS[0]}.0.0 to 127.{SUBNETS[-1]}.0.0 are all in use; "
        "stop another lab"
    )


def _candidates(preferred: int | None) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    yield from (subnet for subnet in SUBNETS if subnet != preferred)


def _lock(subnet: int) -> socket.socket | None:
    """An abstract socket name: gone with its holder, and one per network namespace."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(f"\0smoketest-lab-{subnet}")
    except OSError:
        lock.close()
        return None
    return lock


def _bindable(plan: Plan) -> bool:
    probes = (
        (socket.SOCK_DGRAM, (plan.bmc(1), BMC_PORT)),
        (socket.SOCK_STREAM, (plan.host(1), SSH_PORT)),
    )
    for kind, address in probes:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError:
                return False
    return True

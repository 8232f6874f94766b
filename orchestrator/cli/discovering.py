"""The process behind `smoketest inventory discover`: asks the network, prints a line per address.

Reads an `Errand` as JSON from stdin; each line of its stdout is an `Asked`.
"""

import json
import sys
from dataclasses import dataclass

from orchestrator.cli.decode import decode, encode
from orchestrator.model.discovery import Finding, Login, Search, addresses
from orchestrator.model.errors import ConfigError
from orchestrator.model.verdict import ExitStatus
from orchestrator.wiring.discovery import discovery, secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What to search, the password as a reference to it."""

    ranges: tuple[str, ...]
    user: str
    password: str
    port: int
    redfish_port: int
    insecure: bool
    at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """That one more address is done, and what answers there."""

    done: int
    finding: Finding | None = None


def main() -> int:
    """Search; with a sentence on stderr, return 2 for what cannot be searched."""
    errand = decode(Errand, json.loads(sys.stdin.readline()), "errand")
    try:
        search = _search(errand)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return ExitStatus.USAGE
    with discovery() as found:
        found.search(search, _tell)
    return ExitStatus.PASSED


def _search(errand: Errand) -> Search:
    login = None
    if errand.user:
        login = Login(user=errand.user, password=secret(errand.password))
    return Search(
        addresses=addresses(errand.ranges),
        login=login,
        port=errand.port,
        redfish_port=errand.redfish_port,
        insecure=errand.insecure,
        at_once=errand.at_once,
    )


def _tell(done: int, finding: Finding | None) -> None:
    line = encode(Asked(done=done, finding=finding))
    sys.stdout.write(line.replace("\n", " ") + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

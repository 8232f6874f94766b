"""Looks at an installed machine by one command over SSH: a script of POSIX shell."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from orchestrator.model.attestation import UNTOLD, Card, Fact, SelfReport
from orchestrator.model.errors import Unreachable
from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline
from orchestrator.ports.shell import Shell

_SCRIPT: Final = Path(__file__).with_name("canary.sh").read_text("utf-8")
_LINE: Final = re.compile(r"^([a-z-]+)=(.*)$")
_KIBI: Final = 1024
#: most that is kept of one answer: a machine must not fill our store
_LONGEST: Final = 2000

Said = Mapping[str, Sequence[str]]


class ShellCanary:
    """Runs `canary.sh` on the machine and reads what it prints."""

    def __init__(self, shell: Shell) -> None:
        """Take what runs a command on a machine."""
        self._shell = shell

    def look(self, access: Access, key: str, deadline: Deadline) -> SelfReport:
        """Return what the machine says; raise `Unreachable` when it does not say it all."""
        text = self._shell.run(access, key, _SCRIPT, deadline)
        said = _read(text)
        try:
            return SelfReport(
                disk_trouble=_last(said, "trouble"),
                disk_bytes=int(said["size"][-1]) * _KIBI,
                free_bytes=int(said["free"][-1]) * _KIBI,
                clock=datetime.fromtimestamp(int(said["clock"][-1]), UTC),
                cards=tuple(_card(line) for line in said.get("card", ())),
                facts=tuple(_facts(said).items()),
            )
        except (KeyError, ValueError, OverflowError) as error:
            where = f"{access.user}@{access.address}:{access.port}"
            tail = " / ".join(text.splitlines()[-3:])
            msg = f"{where} did not say what was asked ({error}); it ended with: {tail[:200]}"
            raise Unreachable(msg) from error


def _read(text: str) -> Said:
    said: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        if found := _LINE.match(line):
            said[found[1]].append(found[2].strip()[:_LONGEST])
    return dict(said)


def _last(said: Said, name: str) -> str:
    return said[name][-1] if said.get(name) else ""


def _card(line: str) -> Card:
    name, mac, carrier = line.split()
    return Card(name=name, mac=mac.lower(), link=carrier == "1")


def _facts(said: Said) -> dict[str, str]:
    """Return the facts; disks may come in any order, and are sorted."""
    found = {
        Fact.FIRMWARE: _last(said, "firmware") or UNTOLD,
        Fact.CARDS: str(len(said.get("card", ()))),
        Fact.DISKS: "; ".join(sorted(said.get("disk", ()))),
        Fact.KERNEL: _last(said, "kernel") or UNTOLD,
        Fact.PACKAGES: _last(said, "packages") or UNTOLD,
        Fact.ARCHIVE: _last(said, "archive") or UNTOLD,
        Fact.PARTITIONS: "; ".join(sorted(said.get("partitions", ()))),
        Fact.PARTITION_IDS: "; ".join(sorted(said.get("partition-id", ()))),
    }
    if order := _last(said, "boot-order"):
        found[Fact.BOOT_ORDER] = order
    return {fact.value: value[:_LONGEST] for fact, value in found.items()}

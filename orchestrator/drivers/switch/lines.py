"""A switch that takes configuration lines over SSH: a VLAN for each port, and for its lease.

The lines are the lab file's, since no two makers agree on them; what is read back decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.errors import InfraError
from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline
from orchestrator.ports.shell import Shell

#: what one conversation may take, in seconds
SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """How this kind of switch is spoken to; `{port}` and `{vlan}` are filled in."""

    #: puts a port into a VLAN, untagged, and into no other
    join: tuple[str, ...]
    #: shows a port
    show: str
    #: what is then among the words that it prints
    expect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSwitch:
    """`ports.switch.Switch` by lines; the shell is given one command for each conversation."""

    name: str
    shell: Shell
    access: Access
    #: path of the private key
    key: str
    lines: Lines
    #: the VLAN that is each port's own
    vlans: Mapping[str, int]

    def join(self, ports: Sequence[str], deadline: Deadline) -> str:
        """Put the ports into the VLAN of the first; raise `InfraError` if one is not in it then."""
        vlan = self.vlans[ports[0]]
        limit = deadline.within(SECONDS, f"configuring {self.name}")
        asked = (line for port in ports for line in _filled(self.lines.join, port, vlan))
        self.shell.run(self.access, self.key, "\n".join(asked), limit)
        for port in ports:
            (show, expect) = _filled((self.lines.show, self.lines.expect), port, vlan)
            said = self.shell.run(self.access, self.key, show, limit)
            if expect.split() and not _within(expect.split(), said.split()):
                msg = f"{self.name} took port {port} for VLAN {vlan} and shows it otherwise"
                raise InfraError(f"{msg}: {' '.join(said.split())[:200]}; look at its `lines`")
        return f"VLAN {vlan} of {self.name}"


def _filled(lines: Sequence[str], port: str, vlan: int) -> tuple[str, ...]:
    """Return lines with port and VLAN in them; other braces are the switch's own."""
    return tuple(line.replace("{port}", port).replace("{vlan}", str(vlan)) for line in lines)


def _within(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether the words stand beside each other somewhere."""
    size = len(wanted)
    return any(list(words[i : i + size]) == list(wanted) for i in range(len(words) - size + 1))

"""The lab file's switches: who they are, how they are spoken to, and which VLANs are ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config import values
from orchestrator.model.document import Entry

_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")
_HIGHEST = 4094
#: how a switch is spoken to, and at which port
LINES, NETCONF = "lines", "netconf"
_PORTS = {LINES: 22, NETCONF: 830}
_EVERY = ("address", "port", "user", "key", "host_key", "vlans", "speaks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFile:
    """A table of `[switches.NAME]`."""

    name: str
    address: str
    port: int
    user: str
    #: path of the private key, and the key that the switch must show
    key: str
    host_key: str
    #: the first and the last VLAN that are ours
    vlans: tuple[int, int]
    speaks: str
    #: how it is spoken to by lines; of no meaning by NETCONF
    join: tuple[str, ...] = ()
    show: str = ""
    expect: str = ""


def switches(entry: Entry, home: Path) -> Mapping[str, SwitchFile]:
    """Return the switches by name; raise `ConfigError`."""
    return {name: _switch(name, inner, home) for name, inner in entry.table().items()}


def _switch(name: str, entry: Entry, home: Path) -> SwitchFile:
    entry.table(*_EVERY, "join", "show", "expect")
    speaks = entry["speaks"].one_of(_PORTS, LINES)
    made = SwitchFile(
        name=name,
        address=values.address(entry["address"]),
        port=values.port(entry["port"], _PORTS[speaks]),
        user=entry["user"].text(),
        key=values.file(entry["key"], home),
        host_key=entry["host_key"].text(),
        vlans=_vlans(entry["vlans"]),
        speaks=speaks,
    )
    if speaks == NETCONF:
        entry.table(*_EVERY)
        return made
    show, expect = entry["show"].text(), entry["expect"].text()
    return replace(made, join=_lines(entry["join"]), show=show, expect=expect)


def _vlans(entry: Entry) -> tuple[int, int]:
    found = _RANGE.fullmatch(entry.text())
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= first <= last <= _HIGHEST:
        raise entry.wrong(f"`{entry.text()}` is no range of VLANs; write for example 1000-1099")
    return first, last


def _lines(entry: Entry) -> tuple[str, ...]:
    lines = entry.texts()
    if "{port}" not in "".join(lines) or "{vlan}" not in "".join(lines):
        raise entry.wrong("`join` puts {port} into {vlan}: name both in its lines")
    return lines

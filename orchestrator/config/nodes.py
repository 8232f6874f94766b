"""The lab file's nodes: machines and the BMCs that they are reached by."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from orchestrator.config import values
from orchestrator.model.document import Entry
from orchestrator.model.node import Bmc, Node, Pdu, Provenance, SwitchPort

#: where a BMC listens unless its table says otherwise, by the name of the power driver
USUAL_PORTS = {"redfish": 443}
IPMI_PORT = 623
SNMP_PORT = 161
#: the driver whose BMCs serve one machine each; a chassis that speaks Redfish may have many
_ONE_EACH = "ipmi"
_OUTLET = re.compile(r"[1-9][0-9]*(\.[0-9]+)*")
_IN_LAB = tuple(p for p in Provenance if p is not Provenance.PARTNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """Names of the drivers that a node may be reached by."""

    power: Collection[str]
    console: Collection[str]
    boot: Collection[str]


def nodes(entry: Entry, home: Path, drivers: Drivers | None) -> tuple[Node, ...]:
    """Return the nodes of `[[nodes]]`; no two share a name, a MAC or an address."""
    found = []
    seen: dict[tuple[str, object], Entry] = {}
    for item in entry.items():
        node = _node(item, home, drivers)
        _once(seen, item["name"], "name", node.name)
        _once(seen, item["mac"], "MAC", node.mac)
        if node.power == _ONE_EACH:
            _once(seen, item["bmc"]["address"], "BMC", (node.bmc.address, node.bmc.port))
        _once(seen, item["address"], "address", (node.address, node.ssh_port))
        if node.pdu:
            for outlet in node.pdu.outlets:
                fed = (node.pdu.address, node.pdu.port, outlet)
                _once(seen, item["pdu"]["outlets"], "outlet", fed)
        found.append(node)
    return tuple(found)


def _once(seen: dict[tuple[str, object], Entry], entry: Entry, what: str, value: object) -> None:
    other = seen.setdefault((what, value), entry)
    if other is not entry:
        shown = ":".join(map(str, value)) if isinstance(value, tuple) else value
        raise entry.wrong(f"{what} {shown} is given to another node on line {other.line}; mend one")


def _node(entry: Entry, home: Path, drivers: Drivers | None) -> Node:
    entry.table(*(known.name for known in fields(Node)))
    usual = {known.name: known.default for known in fields(Node)}
    names = {port: entry[port].text(str(usual[port])) for port in ("power", "console", "boot")}
    if drivers:
        for port in names:
            entry[port].one_of(getattr(drivers, port), names[port])
    return Node(
        name=values.name(entry["name"]),
        mac=values.mac(entry["mac"]),
        bmc=_bmc(entry["bmc"], home, USUAL_PORTS.get(names["power"], IPMI_PORT)),
        provenance=Provenance(entry["provenance"].one_of(_IN_LAB, Provenance.PHYSICAL)),
        capabilities=frozenset(entry["capabilities"].texts()),
        address=values.address(entry["address"]),
        ssh_port=values.port(entry["ssh_port"], 22),
        ssh_user=entry["ssh_user"].text("root"),
        pdu=_pdu(entry["pdu"], home) if entry["pdu"].written else None,
        switch=_switch(entry["switch"]) if entry["switch"].written else None,
        nics=tuple((name, values.mac(e)) for name, e in entry["nics"].table().items()),
        disks=tuple((name, e.integer(least=1)) for name, e in entry["disks"].table().items()),
        **names,
    )


def _bmc(entry: Entry, home: Path, usual_port: int) -> Bmc:
    entry.table("address", "port", "user", "password", "console_port")
    return Bmc(
        address=values.address(entry["address"]),
        port=values.port(entry["port"], usual_port),
        user=entry["user"].text(),
        password=values.secret(entry["password"], home),
        console_port=_console_port(entry["console_port"], usual_port),
    )


def _console_port(entry: Entry, usual_port: int) -> int:
    """Return where serial-over-LAN answers: beside Redfish IPMI has a port of its own."""
    beside = 0 if usual_port == IPMI_PORT else IPMI_PORT
    return values.port(entry, beside) if entry.written or beside else 0


def _switch(entry: Entry) -> SwitchPort:
    entry.table("name", "port")
    return SwitchPort(switch=entry["name"].text(), port=entry["port"].text())


def _pdu(entry: Entry, home: Path) -> Pdu:
    entry.table("address", "port", "community", "outlets")
    outlets = entry["outlets"].texts()
    if not outlets or not all(_OUTLET.fullmatch(outlet) for outlet in outlets):
        advice = 'write their numbers in quotes, one per power supply, e.g. ["7"]'
        raise entry["outlets"].wrong(f"`{entry['outlets'].name}` names no outlets; {advice}")
    twice = [outlet for outlet, times in Counter(outlets).items() if times > 1]
    if twice:
        raise entry["outlets"].wrong(
            f"`{entry['outlets'].name}` names outlet {twice[0]} twice; mend one"
        )
    return Pdu(
        address=values.address(entry["address"]),
        port=values.port(entry["port"], SNMP_PORT),
        community=values.secret(entry["community"], home),
        outlets=outlets,
    )

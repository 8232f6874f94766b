"""How the lab's BMCs and power strips are treated: `[drivers.power.*]` of the lab file."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from orchestrator.config import values
from orchestrator.model.document import Entry

_OID = re.compile(r"[0-2](\.[0-9]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipmi:
    """How BMCs are treated; times in seconds."""

    #: between two conversations with one BMC: some real ones crash when hurried
    gap: float = 5
    #: what one conversation may take
    patience: float = 15
    #: how long a new power state may take to read back
    settle: float = 20
    tries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Redfish:
    """How BMCs that speak Redfish are treated; times in seconds."""

    gap: float = 5
    #: what one conversation, and one answer in it, may take
    patience: float = 30
    answer: float = 10
    #: how long a new state may take to read back
    settle: float = 30
    tries: int = 4
    #: the file of certificates that BMCs' are checked against; empty: the system's
    certificates: str = ""
    #: False trusts any certificate
    verify: bool = True
    #: without encryption, on this host only
    plain: bool = False
    #: False for BMCs that read `Continuous` though `Once` was set
    reads_once: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """How switched power strips are treated; times in seconds."""

    gap: float = 1
    #: what one conversation may take
    patience: float = 10
    #: how long a new state may take to read back
    settle: float = 15
    tries: int = 3
    #: how long a machine stays without power before it is fed again
    rest: float = 10
    #: 1 or 2 (for 2c)
    version: int = 1
    #: columns of the strip's table of outlets: what is written to switch one, what tells its state
    command: str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"
    state: str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4"
    #: what stands for on and off in both
    on: int = 1
    off: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How each power driver treats what it talks to."""

    ipmi: Ipmi = Ipmi()
    redfish: Redfish = Redfish()
    pdu: Strips = Strips()


def manners(drivers: Entry, home: Path) -> Manners:
    """Return what `[drivers]` says, with the usual manners where it is silent."""
    drivers.table("power")
    power = drivers["power"]
    power.table(*(driver.name for driver in fields(Manners)))
    return Manners(
        ipmi=_ipmi(power["ipmi"]),
        redfish=_redfish(power["redfish"], home),
        pdu=_strips(power["pdu"]),
    )


def _ipmi(entry: Entry) -> Ipmi:
    usual = Ipmi()
    entry.table(*(option.name for option in fields(Ipmi)))
    return Ipmi(
        gap=entry["gap"].number(usual.gap),
        patience=entry["patience"].number(usual.patience, least=1),
        settle=entry["settle"].number(usual.settle, least=1),
        tries=entry["tries"].integer(usual.tries, least=1),
    )


def _redfish(entry: Entry, home: Path) -> Redfish:
    usual = Redfish()
    entry.table(*(option.name for option in fields(Redfish)))
    certificates = entry["certificates"]
    return Redfish(
        gap=entry["gap"].number(usual.gap),
        patience=entry["patience"].number(usual.patience, least=1),
        answer=entry["answer"].number(usual.answer, least=1),
        settle=entry["settle"].number(usual.settle, least=1),
        tries=entry["tries"].integer(usual.tries, least=1),
        certificates=values.file(certificates, home) if certificates.written else "",
        verify=entry["verify"].flag(default=usual.verify),
        plain=entry["plain"].flag(default=usual.plain),
        reads_once=entry["reads_once"].flag(default=usual.reads_once),
    )


def _strips(entry: Entry) -> Strips:
    usual = Strips()
    entry.table(*(option.name for option in fields(Strips)))
    version = entry["version"].integer(usual.version, least=1)
    if version > 2:
        raise entry["version"].wrong(
            f"`{entry['version'].name}` is {version}; write 1, or 2 for 2c"
        )
    return Strips(
        gap=entry["gap"].number(usual.gap),
        patience=entry["patience"].number(usual.patience, least=1),
        settle=entry["settle"].number(usual.settle, least=1),
        tries=entry["tries"].integer(usual.tries, least=1),
        rest=entry["rest"].number(usual.rest),
        version=version,
        command=_oid(entry["command"], usual.command),
        state=_oid(entry["state"], usual.state),
        on=entry["on"].integer(usual.on),
        off=entry["off"].integer(usual.off),
    )


def _oid(entry: Entry, default: str) -> str:
    oid = entry.text(default)
    if not _OID.fullmatch(oid):
        raise entry.wrong(f"`{entry.name}` is `{oid}`, which is no OID; write numbers with dots")
    return oid

"""What a BMC tells of itself in one IPMI session; runs in a child process that may be killed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.command import Command

from orchestrator.drivers.power.conversation import (
    FOR_EVER,
    VALID,
    Order,
    Reply,
    boot_flags,
    converse,
    power,
)
from orchestrator.model.attestation import UNTOLD, Fact

#: network function and commands (IPMI 2.0, sections 20 and 22)
_APPLICATION = 0x06
_DEVICE_ID, _USER_ACCESS, _USER_NAME = 0x01, 0x44, 0x46
#: the channel that we talk on
_THIS_CHANNEL = 0x0E
_COUNT, _LEVEL = 0x3F, 0x0F
_DISABLED = 0x80
#: levels of who cannot log in: none, and what some put into slots that were never used
_NO_ACCESS = frozenset({0x0F, 0x00})
_LEVELS: Final = {1: "callback", 2: "user", 3: "operator", 4: "administrator", 5: "oem"}
#: a BMC that cannot tell, however often it is asked; any other refusal may pass
_CANNOT: Final = frozenset({0x80, 0xC1, 0xC2, 0xC9, 0xCB, 0xCC, 0xD4, 0xD6})


def inspect(order: Order) -> Reply:
    """Return `on` or `off`, and as facts the BMC's users, its firmware and the next boot."""
    facts: list[tuple[str, str]] = []

    def talk(bmc: Command) -> str:
        for fact, read in _READERS.items():
            facts.append((fact.value, _told(read, bmc)))
        return power(bmc)

    reply = converse(order, talk)
    return replace(reply, facts=() if reply.refused else tuple(facts))


def _told(read: Callable[[Command], str], bmc: Command) -> str:
    try:
        return read(bmc)
    except IpmiException as error:
        if error.ipmicode in _CANNOT:
            return UNTOLD
        raise


def _users(bmc: Command) -> str:
    """Return everybody who has rights: number, name and level."""
    return "; ".join(_listed(bmc)) or "nobody"


def _listed(bmc: Command) -> Iterator[str]:
    number, last = 1, 1
    while number <= last:
        access = _ask(bmc, _USER_ACCESS, _THIS_CHANNEL, number)
        last = access[0] & _COUNT
        level = access[3] & _LEVEL
        if level not in _NO_ACCESS:
            name = _told(partial(_name, number=number), bmc)
            disabled = " (disabled)" if access[1] & 0xC0 == _DISABLED else ""
            yield f"{number} {name} {_LEVELS.get(level, level)}{disabled}"
        number += 1


def _name(bmc: Command, number: int) -> str:
    told = _ask(bmc, _USER_NAME, number)
    return told.partition(b"\0")[0].decode("ascii", "replace").strip() or "without name"


def _firmware(bmc: Command) -> str:
    told = _ask(bmc, _DEVICE_ID)
    maker = int.from_bytes(told[6:9], "little") & 0x0FFFFF
    product = int.from_bytes(told[9:11], "little")
    version = f"{told[2] & 0x7F}.{told[3]:02x} {told[11:].hex()}".strip()
    return f"{version} of {maker}/{product}"


def _boot_next(bmc: Command) -> str:
    flags, device = boot_flags(bmc)
    if not flags & VALID:
        return "nothing set"
    return f"{device} for ever" if flags & FOR_EVER else device


def _ask(bmc: Command, command: int, *data: int) -> bytes:
    return bytes(bmc.xraw_command(netfn=_APPLICATION, command=command, data=data)["data"])


_READERS: Final[dict[Fact, Callable[[Command], str]]] = {
    Fact.BMC_USERS: _users,
    Fact.BMC_FIRMWARE: _firmware,
    Fact.BOOT_NEXT: _boot_next,
}

"""What a BMC tells its user over IPMI of the machine behind it; runs in a child process.

By pyghmi, which meets a user that the BMC does not know by waiting for ever: our caller ends us.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from pyghmi.exceptions import PyghmiException
from pyghmi.ipmi.command import Command
from pyghmi.ipmi.fru import FRU
from pyghmi.ipmi.private import session

from orchestrator.drivers.discovery.text import clean, mac
from orchestrator.model.discovery import Login, LoginState, Machine

#: seconds after which a waiting pyghmi looks by itself whether a packet came (a lost wake-up)
_GLANCE = 0.02
#: what BMCs say when they refuse the login, in the words of pyghmi, lower case
_DENIED = ("incorrect password", "unauthorized", "invalid role", "integrity check", "privil")
_GET_STATUS: dict[str, Any] = {"netfn": 0x00, "command": 0x01}
_GET_GUID: dict[str, Any] = {"netfn": 0x06, "command": 0x37}
#: Get LAN Configuration Parameters, of this very channel: the MAC address
_GET_MAC: dict[str, Any] = {"netfn": 0x0C, "command": 0x02, "data": (0x0E, 5, 0, 0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Whom to visit, as whom."""

    address: str
    port: int
    login: Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it."""

    login: LoginState
    said: str = field(default="", repr=False)
    machine: Machine | None = None


def visit(order: Visit) -> Told:
    """Log in once, ask who is there, and log out."""
    wait = session._io_wait
    session._io_wait = lambda seconds, *rest: wait(min(seconds, _GLANCE), *rest)
    try:
        return Told(login=LoginState.WELCOME, machine=_asked(order))
    except (PyghmiException, OSError) as error:
        words = str(error.args[0] or "") if error.args else ""
    if not words:
        return Told(login=LoginState.SILENT)
    denied = any(text in words.lower() for text in _DENIED)
    return Told(login=LoginState.DENIED if denied else LoginState.FAILED, said=words)


def _asked(order: Visit) -> Machine:
    login = order.login
    bmc = Command(
        bmc=order.address, port=order.port, userid=login.user, password=login.password.reveal()
    )
    try:
        status = bmc.raw_command(**_GET_STATUS)
        fru = _fru(bmc)
        return Machine(
            power="" if "error" in status else "on" if status["data"][0] & 1 else "off",
            guid=_guid(bmc),
            serial=_first(fru, "Serial Number", "Chassis serial number", "Board serial number"),
            model=_first(fru, "Product name", "Model", "Board product name"),
            maker=_first(fru, "Manufacturer", "Board manufacturer"),
            bmc_mac=_mac(bmc),
        )
    finally:
        bmc.ipmi_session.logout()


def _fru(bmc: Command) -> dict[str, object]:
    """Return what the first inventory record says, nothing if it is absent or spoilt."""
    try:
        return FRU(ipmicmd=bmc).info or {}
    except (PyghmiException, IndexError, KeyError, ValueError, TypeError):
        return {}


def _first(fru: dict[str, object], *names: str) -> str:
    return next(filter(None, (clean(fru.get(name)) for name in names)), "")


def _guid(bmc: Command) -> str:
    """Return the identity as SMBIOS and Redfish write it: its first fields are little-endian."""
    answer = bmc.raw_command(**_GET_GUID)
    data = b"" if "error" in answer else bytes(answer["data"])
    return str(uuid.UUID(bytes_le=data)) if len(data) == 16 and any(data) else ""


def _mac(bmc: Command) -> str:
    answer = bmc.raw_command(**_GET_MAC)
    data = b"" if "error" in answer else bytes(answer["data"])[1:7]
    return mac(data.hex(":")) if len(data) == 6 else ""

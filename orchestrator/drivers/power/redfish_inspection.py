"""What a BMC tells of itself in one Redfish session; runs in a child process that may be killed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from sushy.connector import Connector
from sushy.exceptions import HTTPError, MissingAttributeError
from sushy.resources.system.system import System

from orchestrator.drivers.power.redfish_conversation import (
    Order,
    Reply,
    boot_device,
    converse,
    power,
)
from orchestrator.model.attestation import UNTOLD, Fact

_ROOT = "/redfish/v1/"
#: a BMC that cannot tell, or not to us, however often it is asked
_CANNOT: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED})


def inspect(order: Order) -> Reply:
    """Return the power state, and as facts the BMC's users, its firmware and the next boot."""
    facts: list[tuple[str, str]] = []

    def talk(system: System) -> str:
        facts.append((Fact.BMC_USERS.value, _told(_users, system)))
        facts.append((Fact.BMC_FIRMWARE.value, _told(_firmware, system)))
        facts.append((Fact.BOOT_NEXT.value, boot_device(system, order)))
        return power(system)

    reply = converse(order, talk)
    return replace(reply, facts=() if reply.trouble else tuple(facts))


def _told(read: Callable[[System], str], system: System) -> str:
    try:
        return read(system)
    except MissingAttributeError:
        return UNTOLD
    except HTTPError as error:
        if error.status_code in _CANNOT:
            return UNTOLD
        raise


def _firmware(system: System) -> str:
    versions = sorted(manager.firmware_version or "" for manager in system.managers)
    return ", ".join(filter(None, versions)) or UNTOLD


def _users(system: System) -> str:
    """Return everybody whom the BMC lets in: number, name and role."""
    connector = system._conn
    service = _linked(_read(connector, _ROOT), "AccountService")
    accounts = _linked(_read(connector, service), "Accounts") if service else ""
    if not accounts:
        return UNTOLD
    members = _read(connector, accounts).get("Members", [])
    return "; ".join(_listed(connector, [str(member["@odata.id"]) for member in members]))


def _listed(connector: Connector, paths: list[str]) -> Iterator[str]:
    for path in sorted(paths):
        account = _read(connector, path)
        if account.get("UserName"):  # slots that nobody has are listed by some
            disabled = "" if account.get("Enabled", True) else " (disabled)"
            number = path.rpartition("/")[2]
            yield f"{number} {account['UserName']} {account.get('RoleId', 'no role')}{disabled}"


def _linked(found: dict[str, Any], name: str) -> str:
    return str(found.get(name, {}).get("@odata.id", ""))


def _read(connector: Connector, path: str) -> dict[str, Any]:
    found: dict[str, Any] = connector.get(path).json()
    return found

"""What a BMC tells over Redfish: to anybody that it is one, to its user which machines it has."""

import base64
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import Any

from orchestrator.drivers.discovery import http
from orchestrator.drivers.discovery.http import Door, Page, Silent, Untrusted
from orchestrator.drivers.discovery.text import clean, mac
from orchestrator.model.discovery import (
    HTTP_PORT,
    HTTPS_PORT,
    Login,
    LoginState,
    Machine,
    RedfishFound,
    Search,
)

_ROOT = "/redfish/v1/"
#: what a chassis's controller is asked about at most: its machines, and the cards of one
_MOST = 32
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_POWER = {"On": "on", "PoweringOff": "on", "Off": "off", "PoweringOn": "off"}


class _Refused(Exception):
    """The BMC did not answer with what was asked for."""

    def __init__(self, state: LoginState, words: str) -> None:
        super().__init__(words)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class _Host:
    """A BMC that is asked as somebody."""

    door: Door
    authorization: str

    async def read(self, path: str) -> Mapping[str, Any]:
        """Return the resource at `path`; raise `_Refused`."""
        page = await http.get(self.door, path, self.authorization)
        if page is None:
            raise _Refused(LoginState.FAILED, "it hung up")
        if page.status in _DENIED:
            raise _Refused(LoginState.DENIED, _words(page))
        if page.status != HTTPStatus.OK:
            raise _Refused(LoginState.FAILED, _words(page))
        return page.body

    async def members(self, parent: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        """Return the members of a resource's collection, none if it has no such."""
        path = _link(parent.get(name))
        listed = (await self.read(path)).get("Members") if path else None
        links = [_link(entry) for entry in listed[:_MOST]] if isinstance(listed, list) else []
        return [await self.read(link) for link in links if link]


async def look(address: str, search: Search) -> tuple[RedfishFound | None, tuple[Machine, ...]]:
    """Return what answers at the address, and with a login the machines behind it."""
    for door in _doors(address, search):
        try:
            page = await http.get(door, _ROOT)
        except Silent:
            return None, ()
        if page and "RedfishVersion" in page.body:
            return await _entered(_found(door, page.body), door, search)
    return None, ()


def _doors(address: str, search: Search) -> tuple[Door, Door]:
    secure = Door(address=address, port=search.redfish_port or HTTPS_PORT, tls=_any_certificate())
    plain = Door(address=address, port=search.redfish_port or HTTP_PORT, tls=None)
    return secure, plain


@cache
def _any_certificate() -> ssl.SSLContext:
    """Return the trust of somebody who sends no secret: BMCs are old, and sign for themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _found(door: Door, root: Mapping[str, Any]) -> RedfishFound:
    oem = root.get("Oem")
    makers = sorted(oem) if isinstance(oem, dict) else []
    vendor = root.get("Vendor") or next(iter(makers), "")
    return RedfishFound(
        port=door.port,
        encrypted=door.tls is not None,
        version=clean(root["RedfishVersion"]),
        vendor=" ".join(filter(None, (clean(vendor), clean(root.get("Product"))))),
    )


async def _entered(
    found: RedfishFound, door: Door, search: Search
) -> tuple[RedfishFound, tuple[Machine, ...]]:
    """Return it with what became of the login, and the machines."""
    if not search.login:
        return found, ()
    if not found.encrypted and not ipaddress.ip_address(door.address).is_loopback:
        return replace(found, said="the password is not sent unencrypted"), ()
    if found.encrypted and not search.insecure:
        door = replace(door, tls=ssl.create_default_context())
    try:
        machines = await _machines(_Host(door=door, authorization=_basic(search.login)))
    except Untrusted as error:
        said = f"the password is not sent: {error}; --insecure sends it"
        return replace(found, said=said), ()
    except Silent:
        return replace(found, login=LoginState.SILENT), ()
    except _Refused as error:
        return replace(found, login=error.state, said=str(error)), ()
    return replace(found, login=LoginState.WELCOME), machines


async def _machines(host: _Host) -> tuple[Machine, ...]:
    systems = await host.members(await host.read(_ROOT), "Systems")
    return tuple([await _machine(host, system) for system in systems])


async def _machine(host: _Host, system: Mapping[str, Any]) -> Machine:
    try:
        cards = await host.members(system, "EthernetInterfaces")
    except _Refused:
        cards = []
    found = (mac(card.get("MACAddress") or card.get("PermanentMACAddress")) for card in cards)
    return Machine(
        power=_POWER.get(clean(system.get("PowerState")), ""),
        guid=clean(system.get("UUID")).lower(),
        serial=clean(system.get("SerialNumber")),
        model=clean(system.get("Model")),
        maker=clean(system.get("Manufacturer")),
        macs=tuple(dict.fromkeys(filter(None, found))),
    )


def _basic(login: Login) -> str:
    """Return a login for one request: a session would have to be ended, come what may."""
    pair = f"{login.user}:{login.password.reveal()}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _link(entry: object) -> str:
    """Return where a resource is, on this very BMC."""
    path = entry.get("@odata.id") if isinstance(entry, dict) else None
    usable = isinstance(path, str) and path.startswith("/") and path.isprintable()
    return str(path) if usable and " " not in str(path) else ""


def _words(page: Page) -> str:
    error = page.body.get("error")
    said = clean(error.get("message")) if isinstance(error, dict) else ""
    return f"{said} (HTTP {page.status})" if said else f"HTTP {page.status}"

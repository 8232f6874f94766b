"""Hyper-V's WMI classes by WinRM over HTTPS, with a WS-Management client."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import requests
from pypsrp.exceptions import WinRMError, WSManFaultError
from pypsrp.wsman import SelectorSet, WSMan
from requests.adapters import HTTPAdapter

from stratus.drivers.hardware import Hardware
from stratus.hypervisors.api import Api
from stratus.web import Refused

_SECONDS = 20
_ROOT = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2"
_SERVICE = f"{_ROOT}/Msvm_VirtualSystemManagementService"
_SYSTEM = f"{_ROOT}/Msvm_ComputerSystem"
_PORT = "Msvm_SyntheticEthernetPortSettingData"
_DISK = "Msvm_ResourceAllocationSettingData"
_WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_ON, _OFF = "2", "3"
_INSTANCE = re.compile(r"instance of (\w+) {\n(.*?)\n};", re.DOTALL)
_PROPERTY = re.compile(r'^ (\w+) = "(.*)";$', re.MULTILINE)
_PAIR = re.compile("..")


class _Adapter(HTTPAdapter):
    """Speaks to the pinned certificate only."""

    def __init__(self, certificate: str) -> None:
        self._certificate = certificate
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:  # noqa: ANN401  # the library's
        super().init_poolmanager(*args, **more, assert_fingerprint=self._certificate)


class Host:
    """Guests as virtual systems with their setting data."""

    def __init__(self, api: Api) -> None:
        """Take where WinRM answers."""
        self._api = api
        self._guids: dict[str, str] = {}

    @classmethod
    def told(cls, told: dict[str, str], folder: Path) -> Self:
        """Return what the configuration says."""
        return cls(Api.told(told, folder))

    def run(self, server: str, definition: str) -> Hardware:
        """Define the virtual system anew, start it, and return what WMI says that it has."""
        found = [(kind, dict(_PROPERTY.findall(b))) for kind, b in _INSTANCE.findall(definition)]
        with self._connected() as wsman:
            self._destroy(wsman, server)
            (kind, settings), *resources = found
            answer = _call(wsman, "DefineSystem", SystemSettings=_text(kind, settings))
            guid = answer.findtext(f".//{{{_SERVICE}}}ResultingSystem", "")
            self._guids[server] = guid
            for kind, settings in resources:
                _call(wsman, "AddResourceSettings", guid, ResourceSettings=_text(kind, settings))
            _switch(wsman, guid, _ON)
            return _found(wsman, guid)

    def stop(self, server: str) -> None:
        """Switch the virtual system off and destroy it."""
        with self._connected() as wsman:
            self._destroy(wsman, server)

    def _destroy(self, wsman: WSMan, server: str) -> None:
        guid = self._guids.pop(server, "")
        if guid:
            _switch(wsman, guid, _OFF)
            _call(wsman, "DestroySystem", guid)

    @contextmanager
    def _connected(self) -> Iterator[WSMan]:
        api = self._api
        try:
            with WSMan(
                api.address,
                port=api.port,
                username=api.user,
                password=api.password,
                auth="basic",
                cert_validation=False,
                no_proxy=True,
                connection_timeout=_SECONDS,
                read_timeout=_SECONDS + 2,
                operation_timeout=_SECONDS,
            ) as wsman:
                session = wsman.transport._build_session()
                session.mount("https://", _Adapter(api.certificate))
                wsman.transport.session = session
                yield wsman
        except WSManFaultError as error:
            raise Refused(500, f"hyperv: {error.reason}") from error
        except (WinRMError, requests.RequestException, ElementTree.ParseError) as error:
            raise Refused(503, f"hyperv: WinRM does not answer: {error}") from error


def _call(wsman: WSMan, method: str, guid: str = "", **texts: str) -> ElementTree.Element:
    """Call a method of the management service, about a system if one is named."""
    wanted = ElementTree.Element(f"{{{_SERVICE}}}{method}_INPUT")
    if guid:
        system = ElementTree.SubElement(wanted, f"{{{_SERVICE}}}AffectedSystem")
        selectors = ElementTree.SubElement(system, f"{{{_WSMAN}}}SelectorSet")
        ElementTree.SubElement(selectors, f"{{{_WSMAN}}}Selector", Name="Name").text = guid
    for name, text in texts.items():
        ElementTree.SubElement(wanted, f"{{{_SERVICE}}}{name}").text = text
    answer = wsman.invoke(f"{_SERVICE}/{method}", _SERVICE, wanted)
    returned = answer.findtext(f".//{{{_SERVICE}}}ReturnValue", "")
    if returned != "0":
        raise Refused(500, f"hyperv: {method} returned {returned}")
    return answer


def _switch(wsman: WSMan, guid: str, state: str) -> None:
    wanted = ElementTree.Element(f"{{{_SYSTEM}}}RequestStateChange_INPUT")
    ElementTree.SubElement(wanted, f"{{{_SYSTEM}}}RequestedState").text = state
    selectors = SelectorSet()
    selectors.add_option("Name", guid)
    wsman.invoke(f"{_SYSTEM}/RequestStateChange", _SYSTEM, wanted, None, selectors)


def _text(kind: str, properties: dict[str, str]) -> str:
    """Return an object as WMI's XML text."""
    made = ElementTree.Element("INSTANCE", CLASSNAME=kind)
    for name, value in properties.items():
        inner = ElementTree.SubElement(made, "PROPERTY", NAME=name, TYPE="string")
        ElementTree.SubElement(inner, "VALUE").text = value
    return ElementTree.tostring(made, encoding="unicode")


def _items(wsman: WSMan, name: str) -> list[dict[str, str]]:
    """Return every object of a class."""
    asked = ElementTree.Element(f"{{{_WSEN}}}Enumerate")
    ElementTree.SubElement(asked, f"{{{_WSMAN}}}OptimizeEnumeration")
    body = wsman.enumerate(f"{_ROOT}/{name}", asked)
    items = body.iter(f"{{{_ROOT}/{name}}}{name}")
    return [{child.tag.rpartition("}")[2]: child.text or "" for child in item} for item in items]


def _found(wsman: WSMan, guid: str) -> Hardware:
    system = next(one for one in _items(wsman, "Msvm_ComputerSystem") if one["Name"] == guid)
    ports = [one for one in _items(wsman, _PORT) if guid in one["InstanceID"]]
    disks = [one for one in _items(wsman, _DISK) if guid in one["InstanceID"]]
    return Hardware(
        name=system["ElementName"],
        macs=tuple(":".join(_PAIR.findall(port["Address"])).lower() for port in ports),
        disks=tuple((disk["Drive"], disk["Disk"]) for disk in disks),
    )

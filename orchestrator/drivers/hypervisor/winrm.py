"""Hyper-V by WinRM over HTTPS: WMI's virtualization classes, with pypsrp's WS-Management client."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from pypsrp.exceptions import AuthenticationError, WinRMError, WSManFaultError
from pypsrp.wsman import SelectorSet, WSMan
from requests.adapters import HTTPAdapter

from orchestrator.drivers.hypervisor.pinned import probe
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.hypervisor import About, Login, Stray, StrayKind
from orchestrator.ports.clock import Deadline

#: what one answer may take, in seconds
ANSWER_SECONDS = 20
_VIRTUALIZATION = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2"
_CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
_WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_SYSTEM = f"{_VIRTUALIZATION}/Msvm_ComputerSystem"
_SERVICE = f"{_VIRTUALIZATION}/Msvm_VirtualSystemManagementService"
_SWITCHES = f"{_VIRTUALIZATION}/Msvm_VirtualEthernetSwitchManagementService"
_SWITCH = f"{_VIRTUALIZATION}/Msvm_VirtualEthernetSwitch"
#: the switch that our install made
OWN_SWITCH = "smoketest"
_GUEST = "Virtual Machine"
_OFF = "3"
_STARTED = "4096"
#: Windows' number for an object that is not there
_NOT_FOUND = 2150858843
Item = Mapping[str, str]


class WinrmHypervisor:
    """Speaks WS-Management; every call is a connection of its own."""

    def about(self, login: Login, deadline: Deadline) -> About:
        """Return what Windows calls itself, and whether Hyper-V's service is there."""
        with _connected(login, deadline) as wsman:
            system = _items(wsman, f"{_CIMV2}/Win32_OperatingSystem")[0]
            services = [item["Name"] for item in _items(wsman, _SERVICE)]
            return About(
                product=system["Caption"],
                version=system["Version"],
                capabilities=tuple(sorted(services)),
            )

    def strays(self, login: Login, deadline: Deadline) -> tuple[Stray, ...]:
        """Return virtual machines, and switches that our install did not make."""
        with _connected(login, deadline) as wsman:
            guests = [item for item in _items(wsman, _SYSTEM) if item["Caption"] == _GUEST]
            switches = [
                item for item in _items(wsman, _SWITCH) if item["ElementName"] != OWN_SWITCH
            ]
        return tuple(
            Stray(kind=kind, name=item["ElementName"], ref=item["Name"])
            for kind, items in ((StrayKind.GUEST, guests), (StrayKind.NETWORK, switches))
            for item in items
        )

    def remove(self, login: Login, stray: Stray, deadline: Deadline) -> None:
        """Switch a virtual machine off and destroy it, or destroy a switch."""
        guest = stray.kind is StrayKind.GUEST
        service, resource = (_SERVICE, _SYSTEM) if guest else (_SWITCHES, _SWITCH)
        with _connected(login, deadline) as wsman:
            try:
                if guest:
                    _switch_off(wsman, stray.ref)
                result = _invoke(wsman, service, "DestroySystem", _refer(service, resource, stray))
            except WSManFaultError as error:
                if error.code == _NOT_FOUND:
                    return
                raise
        if result not in {"0", _STARTED}:
            msg = f"{login.node} did not remove {stray.kind} {stray.name}: it returned {result}"
            raise InfraError(msg, node=login.node)


def _switch_off(wsman: WSMan, ref: str) -> None:
    wanted = ElementTree.Element(f"{{{_SYSTEM}}}RequestStateChange_INPUT")
    ElementTree.SubElement(wanted, f"{{{_SYSTEM}}}RequestedState").text = _OFF
    selectors = SelectorSet()
    selectors.add_option("CreationClassName", "Msvm_ComputerSystem")
    selectors.add_option("Name", ref)
    _invoke(wsman, _SYSTEM, "RequestStateChange", wanted, selectors)


def _refer(service: str, resource: str, stray: Stray) -> ElementTree.Element:
    """Return the input of DestroySystem: a reference to the object."""
    made = ElementTree.Element(f"{{{service}}}DestroySystem_INPUT")
    system = ElementTree.SubElement(made, f"{{{service}}}AffectedSystem")
    anonymous = f"{_WSA}/role/anonymous"
    ElementTree.SubElement(system, f"{{{_WSA}}}Address").text = anonymous
    inner = ElementTree.SubElement(system, f"{{{_WSA}}}ReferenceParameters")
    ElementTree.SubElement(inner, f"{{{_WSMAN}}}ResourceURI").text = resource
    selectors = ElementTree.SubElement(inner, f"{{{_WSMAN}}}SelectorSet")
    for name, value in (
        ("CreationClassName", resource.rpartition("/")[2]),
        ("Name", stray.ref),
    ):
        ElementTree.SubElement(selectors, f"{{{_WSMAN}}}Selector", Name=name).text = value
    return made


def _invoke(
    wsman: WSMan,
    resource: str,
    method: str,
    wanted: ElementTree.Element,
    selectors: SelectorSet | None = None,
) -> str:
    """Call a method and return its ReturnValue."""
    answer = wsman.invoke(f"{resource}/{method}", resource, wanted, None, selectors)
    return answer.findtext(f".//{{{resource}}}ReturnValue", "")


def _items(wsman: WSMan, resource: str) -> tuple[Item, ...]:
    """Return every object of a class."""
    asked = ElementTree.Element(f"{{{_WSEN}}}Enumerate")
    ElementTree.SubElement(asked, f"{{{_WSMAN}}}OptimizeEnumeration")
    ElementTree.SubElement(asked, f"{{{_WSMAN}}}MaxElements").text = "1000"
    found = list(_read(wsman.enumerate(resource, asked), resource))
    return tuple(found)


def _read(body: ElementTree.Element, resource: str) -> Iterator[Item]:
    name = resource.rpartition("/")[2]
    for item in body.iter(f"{{{resource}}}{name}"):
        yield {child.tag.rpartition("}")[2]: child.text or "" for child in item}


class _Pinned(HTTPAdapter):
    """Speaks to the pinned certificate only."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:  # noqa: ANN401  # theirs
        super().init_poolmanager(*args, **more, assert_fingerprint=self._fingerprint)


@contextmanager
def _connected(login: Login, deadline: Deadline) -> Iterator[WSMan]:
    where = f"{login.node or login.address}:{login.port}"
    seconds = max(1, int(min(ANSWER_SECONDS, deadline.left())))
    probe(login, seconds)
    try:
        with _client(login, seconds) as wsman:
            yield wsman
    except AuthenticationError as error:
        msg = f"{where} refused our login by WinRM; check user and password"
        raise ConfigError(msg) from error
    except WSManFaultError as error:
        msg = f"{where} refused by WinRM: {error.reason or error.code}"
        raise InfraError(msg, node=login.node) from error
    except (WinRMError, requests.RequestException, ElementTree.ParseError, IndexError) as error:
        msg = f"{where} does not answer by WinRM: {error}"
        raise Unreachable(msg, node=login.node) from error


def _client(login: Login, seconds: int) -> WSMan:
    wsman = WSMan(
        login.address,
        port=login.port,
        username=login.user,
        password=login.password.reveal(),
        ssl=True,
        auth="basic",
        cert_validation=False,
        no_proxy=True,
        connection_timeout=seconds,
        read_timeout=seconds + 2,
        operation_timeout=seconds,
    )
    session = wsman.transport._build_session()
    session.mount("https://", _Pinned(login.certificate))
    wsman.transport.session = session
    return wsman

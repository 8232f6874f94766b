"""Windows with Hyper-V, as WinRM shows it: a shell for commands, and WMI's virtualization classes.

Simulated: Basic log-in over HTTPS; Create, Command, Receive, Signal and Delete of a command shell
that knows `hostname` and `ver`; Enumerate, Pull and Get of the classes in `CLASSES`; DefineSystem,
AddResourceSettings, RequestStateChange and DestroySystem, with settings as WMI's XML text. Not
simulated: Kerberos, NTLM and CredSSP, message encryption, PowerShell remoting, any other command,
WQL filters, associations, jobs (methods end at once), checkpoints, disks' contents, guests.
"""

import threading
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.lab.hypervisors import wsman
from orchestrator.lab.hypervisors.served import Answer, Call, Desk, Fault
from orchestrator.lab.hypervisors.winshell import Shells
from orchestrator.lab.hypervisors.wsman import NOT_FOUND, RSP, WSEN, WSMAN, Asked, WsmanFault
from orchestrator.model.secret import Secret

VIRTUALIZATION = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2"
CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
#: what can be enumerated, and by which selector one is got
CLASSES = {
    f"{CIMV2}/Win32_OperatingSystem": "",
    f"{VIRTUALIZATION}/Msvm_ComputerSystem": "Name",
    f"{VIRTUALIZATION}/Msvm_SyntheticEthernetPortSettingData": "InstanceID",
    f"{VIRTUALIZATION}/Msvm_ResourceAllocationSettingData": "InstanceID",
    f"{VIRTUALIZATION}/Msvm_VirtualEthernetSwitch": "Name",
    f"{VIRTUALIZATION}/Msvm_VirtualSystemManagementService": "",
}
_ON, _OFF = "2", "3"
Item = dict[str, str | None]


@dataclass(slots=True, kw_only=True)
class HyperV:
    """One host with its guests; give `desk()` to a server."""

    password: Secret
    user: str = "Administrator"
    version: str = "10.0.20348"
    fault: Callable[[], Fault] = lambda: Fault.NONE
    #: objects by the URI of their class
    objects: dict[str, list[Item]] = field(default_factory=dict)
    _shells: Shells = field(default_factory=Shells)
    _pages: dict[str, list[Item]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Begin with what a fresh install has."""
        self.objects = {name: [] for name in CLASSES}
        caption = "Microsoft Windows Server 2022 Standard"
        self._of("Win32_OperatingSystem", CIMV2).append(
            {"Caption": caption, "Version": self.version, "CSName": "HYPERV"}
        )
        self._of("Msvm_ComputerSystem").append(
            {
                "Name": "HYPERV",
                "ElementName": "HYPERV",
                "Caption": "Hosting Computer System",
                "EnabledState": _ON,
            }
        )
        self._of("Msvm_VirtualEthernetSwitch").append(
            {"Name": str(uuid.uuid4()).upper(), "ElementName": "smoketest"}
        )
        self._of("Msvm_VirtualSystemManagementService").append(
            {"Name": "vmms", "ElementName": "Hyper-V Virtual System Management Service"}
        )

    def desk(self) -> Desk:
        """Return what a server answers with."""
        made = Desk(answer=self.answer)
        self.fault = lambda: made.fault
        return made

    def answer(self, call: Call) -> Answer:
        """Return what WinRM says to one request."""
        if self.fault() is Fault.REFUSES_LOGIN or not wsman.allowed(call, self.user, self.password):
            return wsman.denied()
        try:
            asked = wsman.read(call.body)
        except ValueError:
            return Answer(body=b"Bad Request", status=400)
        if self.fault() is Fault.STARTING:
            reason = "The WS-Management service cannot process the request: it is starting."
            return wsman.fault(asked, WsmanFault("w:InternalError", reason, 2150858770))
        try:
            with self._lock:
                return wsman.answer(asked, self._do(asked))
        except WsmanFault as error:
            return wsman.fault(asked, error)

    def _do(self, asked: Asked) -> tuple[wsman.Element, ...]:
        if asked.resource.startswith(RSP):
            return self._shells.do(asked)
        if asked.resource not in CLASSES:
            reason = f"The WS-Management service cannot find {asked.resource}."
            raise WsmanFault("a:DestinationUnreachable", reason)
        doing = {"Enumerate": self._enumerate, "Pull": self._pull, "Get": self._get}
        return (doing.get(asked.verb, self._method)(asked),)

    def _of(self, name: str, space: str = VIRTUALIZATION) -> list[Item]:
        return self.objects[f"{space}/{name}"]

    def _enumerate(self, asked: Asked) -> wsman.Element:
        made = wsman.Element(f"{{{WSEN}}}EnumerateResponse")
        context = str(uuid.uuid4())
        optimized = asked.body is not None and (
            asked.body.find(f"{{{WSMAN}}}OptimizeEnumeration") is not None
        )
        found = list(self.objects[asked.resource])
        ElementTree.SubElement(made, f"{{{WSEN}}}EnumerationContext").text = context
        if optimized:
            self._list(made, asked.resource, found, WSMAN)
            ElementTree.SubElement(made, f"{{{WSMAN}}}EndOfSequence")
        else:
            self._pages[context] = found
        return made

    def _pull(self, asked: Asked) -> wsman.Element:
        context = asked.body.findtext(f"{{{WSEN}}}EnumerationContext", "") if asked.body else ""
        if context not in self._pages:
            raise WsmanFault("wsen:InvalidEnumerationContext", "The enumeration is over.")
        made = wsman.Element(f"{{{WSEN}}}PullResponse")
        self._list(made, asked.resource, self._pages.pop(context), WSEN)
        ElementTree.SubElement(made, f"{{{WSEN}}}EndOfSequence")
        return made

    def _list(self, into: wsman.Element, resource: str, items: list[Item], space: str) -> None:
        inner = ElementTree.SubElement(into, f"{{{space}}}Items")
        name = resource.rpartition("/")[2]
        inner.extend(wsman.instance(resource, name, item) for item in items)

    def _get(self, asked: Asked) -> wsman.Element:
        name = asked.resource.rpartition("/")[2]
        return wsman.instance(asked.resource, name, self._one(asked.resource, asked.selectors))

    def _one(self, resource: str, selectors: object) -> Item:
        wanted = dict(selectors) if isinstance(selectors, dict) else {}
        key = CLASSES[resource]
        for item in self.objects[resource]:
            if not key or item[key] == wanted.get(key):
                return item
        raise WsmanFault("wsman:InvalidSelectors", "No object has these selectors.", NOT_FOUND)

    def _method(self, asked: Asked) -> wsman.Element:
        doing = {
            "DefineSystem": self._define,
            "AddResourceSettings": self._add,
            "RequestStateChange": self._change,
            "DestroySystem": self._destroy,
        }.get(asked.verb)
        if doing is None:
            raise WsmanFault("wsa:ActionNotSupported", f"No method {asked.verb}.")
        results = {"ReturnValue": "0", **doing(asked)}
        return wsman.instance(asked.resource, f"{asked.verb}_OUTPUT", results)

    def _define(self, asked: Asked) -> Item:
        name, settings = embedded(_text(asked, "SystemSettings"))
        if name != "Msvm_VirtualSystemSettingData" or not settings.get("ElementName"):
            return {"ReturnValue": "32773"}  # Invalid parameter
        guid = str(uuid.uuid4()).upper()
        self._of("Msvm_ComputerSystem").append(
            {
                "Name": guid,
                "ElementName": settings["ElementName"],
                "Caption": "Virtual Machine",
                "EnabledState": _OFF,
            }
        )
        return {"ResultingSystem": guid}

    def _add(self, asked: Asked) -> Item:
        system = self._one(f"{VIRTUALIZATION}/Msvm_ComputerSystem", reference(asked.body))
        name, settings = embedded(_text(asked, "ResourceSettings"))
        if f"{VIRTUALIZATION}/{name}" not in CLASSES:
            return {"ReturnValue": "32773"}
        if name.startswith("Msvm_Synthetic") and not _is_mac(settings.get("Address", "")):
            return {"ReturnValue": "32773"}
        made: Item = {"InstanceID": f"Microsoft:{system['Name']}\\{uuid.uuid4()}".upper()}
        self._of(name).append({**made, **settings})
        return {}

    def _change(self, asked: Asked) -> Item:
        system = self._one(asked.resource, asked.selectors)
        state = _text(asked, "RequestedState")
        if state not in {_ON, _OFF}:
            return {"ReturnValue": "32773"}
        if system["EnabledState"] == state:
            return {"ReturnValue": "32775"}  # Invalid state for this operation
        system["EnabledState"] = state
        return {}

    def _destroy(self, asked: Asked) -> Item:
        resource = f"{VIRTUALIZATION}/Msvm_ComputerSystem"
        system = self._one(resource, reference(asked.body))
        if system["EnabledState"] == _ON:
            return {"ReturnValue": "32775"}
        self.objects[resource].remove(system)
        for name in ("Msvm_SyntheticEthernetPortSettingData", "Msvm_ResourceAllocationSettingData"):
            items = self._of(name)
            items[:] = [
                item for item in items if str(system["Name"]) not in str(item["InstanceID"])
            ]
        return {}


def embedded(text: str) -> tuple[str, dict[str, str | None]]:
    """Return class and properties of an object written as WMI's XML text."""
    try:
        made = ElementTree.fromstring(text)  # noqa: S314  # no entities: expat refuses bombs
    except ElementTree.ParseError as error:
        raise WsmanFault("wsman:SchemaValidationError", str(error)) from error
    pairs = {item.get("NAME", ""): item.findtext("VALUE") for item in made.iterfind("PROPERTY")}
    return made.get("CLASSNAME", ""), pairs


def reference(body: wsman.Element | None) -> dict[str, str]:
    """Return the selectors of the first object that a method's input refers to."""
    items = body.iter(f"{{{WSMAN}}}Selector") if body is not None else ()
    return {item.get("Name", ""): item.text or "" for item in items}


def _text(asked: Asked, name: str) -> str:
    found = asked.body.find(f"{{{asked.resource}}}{name}") if asked.body is not None else None
    return (found.text or "") if found is not None else ""


def _is_mac(text: str | None) -> bool:
    return len(text or "") == 12 and all(c in "0123456789ABCDEF" for c in text or "")

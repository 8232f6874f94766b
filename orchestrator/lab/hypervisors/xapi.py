"""XAPI, as its own client library speaks to it: XML-RPC, sessions, objects by opaque references.

Simulated: sessions; hosts, pools, VMs with VIFs, VBDs and VDIs, networks and storage repositories
as records; power states of VMs; the errors that clients act on. Not simulated: guests (nothing
boots), templates and `VM.clone`, snapshots, tasks and events, migration, pools of several hosts,
RRDs, consoles, and most of the some 2000 methods: they answer MESSAGE_METHOD_UNKNOWN.
"""

import re
import secrets
import threading
import uuid
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers.expat import ExpatError

from orchestrator.lab.hypervisors.served import Answer, Call, Desk, Fault
from orchestrator.model.secret import Secret

Record = dict[str, Any]
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NULL = "OpaqueRef:NULL"
#: fields that a record must have when it is created
_WANTED = {
    "VM": ("name_label", "memory_static_max", "VCPUs_max", "PV_args", "other_config"),
    "VIF": ("VM", "network", "device", "MAC", "MTU", "other_config"),
    "VBD": ("VM", "VDI", "userdevice", "bootable", "mode", "type", "other_config"),
    "VDI": ("name_label", "SR", "virtual_size", "type", "sharable", "read_only", "other_config"),
    "network": ("name_label", "other_config"),
    "SR": ("name_label", "type"),
}
_LINKS = {"VIF": ("VM", "network"), "VBD": ("VM", "VDI"), "VDI": ("SR",)}
_METHOD = re.compile(r"(?P<kind>VM|VIF|VBD|VDI|network|SR|host|pool|PIF)\.(?P<verb>\w+)")


class Failure(Exception):
    """What XAPI answers with instead of a value."""

    def __init__(self, *description: str) -> None:
        """Take the words of its description, the code first."""
        super().__init__(description[0])
        self.description = list(description)


@dataclass(slots=True, kw_only=True)
class Xapi:
    """One host with its database; give `desk()` to a server."""

    password: Secret
    version: str = "8.2.1"
    brand: str = "XCP-ng"
    fault: Callable[[], Fault] = lambda: Fault.NONE
    #: kind, then reference, then record
    tables: dict[str, dict[str, Record]] = field(default_factory=dict)
    _sessions: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Begin with what a fresh install has."""
        self.tables = {kind: {} for kind in (*_WANTED, "host", "pool", "PIF")}
        host = self._add(
            "host",
            {
                "name_label": "host",
                "enabled": True,
                "software_version": {
                    "product_brand": self.brand,
                    "product_version": self.version,
                    "xapi": "1.20",
                },
                "capabilities": ["xen-3.0-x86_64", "hvm-3.0-x86_64"],
            },
        )
        self._add("pool", {"master": host, "name_label": ""})
        network = self._add(
            "network",
            {
                "name_label": "Pool-wide network associated with eth0",
                "bridge": "xenbr0",
                "other_config": {},
            },
        )
        self._add("PIF", {"device": "eth0", "network": network, "management": True})
        self._add("SR", {"name_label": "Local storage", "type": "ext", "other_config": {}})
        self._add(
            "VM",
            {
                "name_label": "Control domain on host: host",
                "is_control_domain": True,
                "is_a_template": False,
                "is_a_snapshot": False,
                "power_state": "Running",
                "VIFs": [],
                "VBDs": [],
                "other_config": {},
            },
        )

    def desk(self) -> Desk:
        """Return what a server answers with."""
        made = Desk(answer=self.answer)
        self.fault = lambda: made.fault
        return made

    def answer(self, call: Call) -> Answer:
        """Return what XAPI says to one XML-RPC call."""
        try:
            params, method = xmlrpc.client.loads(call.body.decode())
        except (ExpatError, UnicodeDecodeError, xmlrpc.client.ResponseError):
            return Answer(body=b"400 Bad Request", status=400)
        try:
            with self._lock:
                value = self._do(str(method), params)
            said: Record = {"Status": "Success", "Value": value}
        except Failure as error:
            said = {"Status": "Failure", "ErrorDescription": error.description}
        body = xmlrpc.client.dumps((said,), methodresponse=True, allow_none=True)
        return Answer(body=body.encode(), kind="text/xml")

    def _do(self, method: str, params: tuple[Any, ...]) -> object:
        if method == "session.login_with_password":
            return self._login(*params)
        if not params or params[0] not in self._sessions:
            raise Failure("SESSION_INVALID", str(params[0]) if params else "")
        if method == "session.logout":
            self._sessions.discard(params[0])
            return ""
        found = _METHOD.fullmatch(method)
        if found is None:
            raise Failure("MESSAGE_METHOD_UNKNOWN", method)
        return self._on(found["kind"], found["verb"], params[1:])

    def _login(self, user: str, password: str, *_: str) -> str:
        if self.fault() is Fault.STARTING:
            raise Failure("HOST_STILL_BOOTING")
        right = secrets.compare_digest(password, self.password.reveal())
        if user != "root" or not right or self.fault() is Fault.REFUSES_LOGIN:
            raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
        session = f"OpaqueRef:{uuid.uuid4()}"
        self._sessions.add(session)
        return session

    def _on(self, kind: str, verb: str, params: tuple[Any, ...]) -> object:
        table = self.tables[kind]
        if verb == "get_all":
            return list(table)
        if verb == "get_all_records":
            return table
        if verb == "get_by_name_label":
            return [ref for ref, record in table.items() if record["name_label"] == params[0]]
        if verb == "create" and kind in _WANTED:
            return self._create(kind, params[-1] if kind != "SR" else _sr(params))
        return self._of(kind, verb, params)

    def _of(self, kind: str, verb: str, params: tuple[Any, ...]) -> object:
        """Do what is done to one object."""
        if not params:
            raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", f"{kind}.{verb}", "1", "0")
        record = self.record(kind, str(params[0]))
        if verb == "get_record":
            return record
        if verb.startswith("get_") and verb.removeprefix("get_") in record:
            return record[verb.removeprefix("get_")]
        doing = {
            "destroy": self._destroy,
            "forget": self._destroy,
            "start": self._start,
            "hard_shutdown": self._halt,
        }.get(verb)
        if doing is None:
            raise Failure("MESSAGE_METHOD_UNKNOWN", f"{kind}.{verb}")
        doing(kind, str(params[0]))
        return ""

    def record(self, kind: str, ref: str) -> Record:
        """Return an object's record; raise `Failure`."""
        if ref not in self.tables[kind]:
            raise Failure("HANDLE_INVALID", kind, ref)
        return self.tables[kind][ref]

    def _add(self, kind: str, record: Record) -> str:
        ref = f"OpaqueRef:{uuid.uuid4()}"
        self.tables[kind][ref] = {"uuid": str(uuid.uuid4()), **record}
        return ref

    def _create(self, kind: str, record: Record) -> str:
        for name in _WANTED[kind]:
            if name not in record:
                raise Failure("FIELD_TYPE_ERROR", name)
        for link in _LINKS.get(kind, ()):
            if not (link == "VDI" and record[link] == _NULL):
                self.record(link, str(record[link]))
        if kind == "VIF":
            self._check_card(record)
        new = self._add(kind, {**_usual(kind), **record})
        if kind in {"VIF", "VBD"}:
            self.record("VM", str(record["VM"]))[f"{kind}s"].append(new)
        return new

    def _check_card(self, record: Record) -> None:
        if not _MAC.fullmatch(str(record["MAC"])):
            raise Failure("MAC_INVALID", str(record["MAC"]))
        others = (self.record("VIF", ref) for ref in self.record("VM", record["VM"])["VIFs"])
        if record["device"] in {other["device"] for other in others}:
            raise Failure("DEVICE_ALREADY_EXISTS", str(record["device"]))

    def _destroy(self, kind: str, ref: str) -> None:
        record = self.record(kind, ref)
        if kind == "VM" and record["power_state"] != "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "Halted", record["power_state"])
        users = [vif for vif in self.tables["VIF"].values() if vif["network"] == ref]
        if kind == "network" and users:
            raise Failure("NETWORK_CONTAINS_VIF", ref)
        for below in ("VIF", "VBD") if kind == "VM" else ():
            for device in record[f"{below}s"]:
                self.tables[below].pop(device, None)
        del self.tables[kind][ref]

    def _start(self, kind: str, ref: str) -> None:
        self._power(kind, ref, "Halted", "Running")

    def _halt(self, kind: str, ref: str) -> None:
        self._power(kind, ref, "Running", "Halted")

    def _power(self, kind: str, ref: str, before: str, after: str) -> None:
        record = self.record(kind, ref)
        if record.get("power_state") != before:
            raise Failure("VM_BAD_POWER_STATE", ref, before, str(record.get("power_state")))
        record["power_state"] = after


def _usual(kind: str) -> Record:
    """Return what XAPI fills in."""
    if kind == "VM":
        return {
            "power_state": "Halted",
            "is_control_domain": False,
            "is_a_template": False,
            "is_a_snapshot": False,
            "VIFs": [],
            "VBDs": [],
        }
    return {"bridge": f"xapi{secrets.randbelow(1000)}"} if kind == "network" else {}


def _sr(params: tuple[Any, ...]) -> Record:
    """Return the record of `SR.create(host, device_config, size, name, description, type, ...)`."""
    if len(params) < 6:  # as its signature has it
        raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", "SR.create", "9", str(len(params)))
    return {"name_label": params[3], "type": params[5], "other_config": {}}

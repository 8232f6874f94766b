"""An ESXi host by the vSphere API, as VMware's own client speaks to it: SOAP, sessions, objects.

Simulated: log-in and its cookie; the inventory of one host; views, the property collector, the
search by UUID; virtual machines from a specification with network cards and disks, and their power
states; port groups; NFS datastores; tasks, which are over at once; the faults that clients act on.
Not simulated: guests (nothing boots), vCenter (clusters, folders, distributed switches), files and
contents of datastores, reconfiguration, snapshots, templates and clones, migration, events, alarms,
statistics, consoles, hosts' hardware, and most of the some 1000 methods: they answer NotSupported.
"""

import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import SimpleCookie

from pyVmomi import VmomiSupport, vim, vmodl

from orchestrator.lab.hypervisors import collector, inventory, machines, soap
from orchestrator.lab.hypervisors.inventory import Inventory, Made, add_store
from orchestrator.lab.hypervisors.served import Answer, Call, Desk, Fault
from orchestrator.lab.hypervisors.soap import Asked
from orchestrator.model.secret import Secret

COOKIE = "vmware_soap_session"
_OPEN = frozenset({"RetrieveServiceContent", "Login"})
_VERSIONS = f"""\
<?xml version="1.0" encoding="UTF-8" ?>
<namespaces version="1.0"><namespace><name>{soap.VIM}</name>
<version>{VmomiSupport.versionIdMap[soap.VERSION]}</version>
<priorVersions><version>7.0.0.0</version><version>6.7</version></priorVersions>
</namespace></namespaces>
"""


@dataclass(slots=True, kw_only=True)
class Esxi:
    """One host with its inventory; give `desk()` to a server."""

    password: Secret
    user: str = "root"
    version: str = "8.0.2"
    fault: Callable[[], Fault] = lambda: Fault.NONE
    inventory: Inventory = field(default_factory=Inventory)
    _sessions: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Begin with what a fresh install has."""
        self.inventory = inventory.fresh(self.version)

    def desk(self) -> Desk:
        """Return what a server answers with."""
        made = Desk(answer=self.answer)
        self.fault = lambda: made.fault
        return made

    def answer(self, call: Call) -> Answer:
        """Return what the host says to one request."""
        if call.method == "GET":
            known = call.path == "/sdk/vimServiceVersions.xml"
            return Answer(body=_VERSIONS.encode() if known else b"", status=200 if known else 404)
        cookie = SimpleCookie(call.headers.get("cookie", "")).get(COOKIE)
        session = cookie.value if cookie else ""
        try:
            asked = soap.read(call.body)
        except soap.BadRequest as error:
            return _refusal(vmodl.fault.InvalidRequest(msg=str(error)))
        try:
            with self._lock:
                value, session = self._admit(asked, session)
                body = soap.said(asked, value)
        except vmodl.MethodFault as error:
            return _refusal(error)
        worn = f'{COOKIE}="{session}"; Path=/; HttpOnly; Secure;'
        return Answer(body=body, headers={"Set-Cookie": worn} if session else {})

    def _admit(self, asked: Asked, session: str) -> tuple[Made, str]:
        """Return what comes of it, and the session that it belongs to from now on."""
        if self.fault() is Fault.STARTING:
            raise vmodl.fault.HostCommunication(msg="The host's management agent is starting.")
        if asked.method == "Login":
            return self._login(asked)
        if session not in self._sessions and asked.method not in _OPEN:
            said = "The session is not authenticated."
            raise vim.fault.NotAuthenticated(
                object=_reference(asked), privilegeId="System.View", msg=said
            )
        if asked.method == "Logout":
            self._sessions.discard(session)
            return None, session
        return self._do(asked), session

    def _login(self, asked: Asked) -> tuple[Made, str]:
        given = str(asked.given["password"]).encode()
        right = secrets.compare_digest(given, self.password.reveal().encode())
        if asked.given["userName"] != self.user or not right or self.fault() is Fault.REFUSES_LOGIN:
            said = "Cannot complete login due to an incorrect user name or password."
            raise vim.fault.InvalidLogin(msg=said)
        session = str(uuid.uuid4())
        self._sessions.add(session)
        now = datetime.now(UTC)
        told = {"key": session, "userName": self.user, "fullName": self.user}
        places = {"locale": "en", "messageLocale": "en", "ipAddress": "", "userAgent": ""}
        counts = {"extensionSession": False, "callCount": 0}
        times = {"loginTime": now, "lastActiveTime": now}
        return vim.UserSession(**told, **places, **counts, **times), session

    def _do(self, asked: Asked) -> Made:
        this = _reference(asked)
        self.inventory.of(this)
        if asked.method == "Fetch":
            return self.inventory.read(this, asked.given["prop"])
        doing = _METHODS.get((type(this), asked.method))
        if doing is None:
            said = f"{asked.method} of {type(this).__name__} is not simulated."
            raise vmodl.fault.NotSupported(msg=said)
        if asked.method.endswith("_Task"):
            return self._task(this, asked, doing)
        return doing(self.inventory, this, **asked.given)

    def _task(self, this: Made, asked: Asked, doing: Callable[..., Made]) -> Made:
        """Do it, and return the task that did."""
        now = datetime.now(UTC)
        made = self.inventory.add(vim.Task)
        about: Made = vim.TaskInfo(
            key=made._moId,
            task=made,
            descriptionId=asked.method,
            entity=this,
            state="success",
            cancelled=False,
            cancelable=False,
            reason=vim.TaskReasonUser(userName=self.user),
            queueTime=now,
            startTime=now,
            completeTime=now,
            eventChainId=1,
        )
        try:
            about.result = doing(self.inventory, this, **asked.given)
        except vmodl.MethodFault as error:
            about.state, about.error = "error", error
        self.inventory.of(made)["info"] = about
        return made


def _reference(asked: Asked) -> Made:
    """Return whom it is asked of; raise a fault if nobody is of that kind."""
    try:
        return VmomiSupport.GetWsdlType(soap.VIM, asked.kind)(asked.this)
    except KeyError:
        raise vmodl.fault.InvalidType(msg=f"no type {asked.kind}") from None


def _refusal(fault: Made) -> Answer:
    return Answer(body=soap.fault(fault), status=500)


def _create_vm(own: Inventory, _: Made, config: Made, **__: Made) -> Made:
    return machines.create(own, config)


def _power_on(own: Inventory, this: Made, **_: Made) -> None:
    machines.switch(own, this, machines.OFF, machines.ON)


def _power_off(own: Inventory, this: Made) -> None:
    machines.switch(own, this, machines.ON, machines.OFF)


def _find(own: Inventory, _: Made, *, uuid: str, instanceUuid: bool | None, **__: Made) -> Made:  # noqa: N803  # theirs
    name = "instanceUuid" if instanceUuid else "uuid"
    found = own.every(vim.VirtualMachine)
    return next((one for one in found if getattr(own.of(one)["config"], name) == uuid), None)


def _view(own: Inventory, _: Made, *, container: Made, type: list[Made], **__: Made) -> Made:  # noqa: A002  # theirs
    own.of(container)
    kinds = tuple(type) or (vim.ManagedEntity,)
    seen = [one for one in own.below(container) if isinstance(one, kinds)]
    return own.add(vim.view.ContainerView, container=container, view=seen)


def _forget(own: Inventory, this: Made) -> None:
    del own.things[this._moId]


def _add_group(own: Inventory, _: Made, *, portgrp: Made) -> None:
    if own.named(vim.Network, portgrp.name) is not None:
        said = f"The name '{portgrp.name}' already exists."
        raise vim.fault.AlreadyExists(name=portgrp.name, msg=said)
    host = [vim.HostSystem("ha-host")]
    own.add(vim.Network, "ha-folder-network", name=portgrp.name, host=host, vm=[])


def _remove_group(own: Inventory, _: Made, *, pgName: str) -> None:  # noqa: N803  # theirs
    found = own.named(vim.Network, pgName)
    if found is None:
        raise vim.fault.NotFound(msg=f"no port group {pgName}")
    if own.of(found)["vm"]:
        raise vim.fault.ResourceInUse(name=pgName, type=vim.Network, msg=f"{pgName} is in use")
    _forget(own, found)


def _add_store(own: Inventory, _: Made, *, spec: Made) -> Made:
    if own.named(vim.Datastore, spec.localPath) is not None:
        said = f"The name '{spec.localPath}' already exists."
        raise vim.fault.DuplicateName(name=spec.localPath, object=None, msg=said)
    return add_store(own, spec.localPath, "NFS")


def _remove_store(own: Inventory, _: Made, *, datastore: Made) -> None:
    own.of(datastore)
    _forget(own, datastore)


def _filter(own: Inventory, _: Made, *, spec: Made, **__: Made) -> Made:
    return own.add(vmodl.query.PropertyCollector.Filter, spec=spec)


def _updates(own: Inventory, _: Made, *, version: str | None, **__: Made) -> Made:
    return collector.updates(own, own.every(vmodl.query.PropertyCollector.Filter), version)


def _retrieve(own: Inventory, _: Made, *, specSet: list[Made], **__: Made) -> Made:  # noqa: N803  # theirs
    found = collector.retrieve(own, specSet)
    return vmodl.query.PropertyCollector.RetrieveResult(objects=found)


_MACHINE, _COLLECTOR = vim.VirtualMachine, vmodl.query.PropertyCollector
_METHODS: dict[tuple[Made, str], Callable[..., Made]] = {
    (vim.ServiceInstance, "RetrieveServiceContent"): lambda own, this: own.of(this)["content"],
    (vim.ServiceInstance, "CurrentTime"): lambda *_: datetime.now(UTC),
    (vim.Folder, "CreateVM_Task"): _create_vm,
    (_MACHINE, "PowerOnVM_Task"): _power_on,
    (_MACHINE, "PowerOffVM_Task"): _power_off,
    (_MACHINE, "Destroy_Task"): machines.destroy,
    (vim.SearchIndex, "FindByUuid"): _find,
    (vim.view.ViewManager, "CreateContainerView"): _view,
    (vim.view.ContainerView, "DestroyView"): _forget,
    (vim.host.NetworkSystem, "AddPortGroup"): _add_group,
    (vim.host.NetworkSystem, "RemovePortGroup"): _remove_group,
    (vim.host.DatastoreSystem, "CreateNasDatastore"): _add_store,
    (vim.host.DatastoreSystem, "RemoveDatastore"): _remove_store,
    (_COLLECTOR, "CreateFilter"): _filter,
    (_COLLECTOR.Filter, "DestroyPropertyFilter"): _forget,
    (_COLLECTOR, "WaitForUpdates"): _updates,
    (_COLLECTOR, "WaitForUpdatesEx"): _updates,
    (_COLLECTOR, "RetrieveProperties"): lambda own, _, specSet: collector.retrieve(own, specSet),  # noqa: N803  # theirs
    (_COLLECTOR, "RetrievePropertiesEx"): _retrieve,
}

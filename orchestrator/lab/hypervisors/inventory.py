"""The managed objects of a simulated vSphere host: what each is, and what it tells of itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

#: anything that pyVmomi makes: it has no types for mypy
Made = Any


@dataclass(slots=True, kw_only=True)
class Thing:
    """A managed object: its kind, its properties, and whose child it is."""

    kind: Made
    properties: dict[str, Made]
    parent: str = ""


@dataclass(slots=True, kw_only=True)
class Inventory:
    """The objects of one host by their ids."""

    things: dict[str, Thing] = field(default_factory=dict)
    _last: int = 0

    def add(self, kind: Made, parent: str = "", /, id: str = "", **properties: Made) -> Made:  # noqa: A002  # theirs
        """Keep an object; return its reference."""
        self._last += 1
        name = id or f"{kind.__name__.rpartition('.')[2].lower()}-{self._last}"
        self.things[name] = Thing(kind=kind, properties=properties, parent=parent)
        return kind(name)

    def of(self, reference: Made) -> dict[str, Made]:
        """Return the properties of an object; raise `ManagedObjectNotFound`."""
        if reference is None or reference._moId not in self.things:
            raise vmodl.fault.ManagedObjectNotFound(obj=reference, msg=f"{reference} is gone")
        return self.things[reference._moId].properties

    def read(self, reference: Made, path: str) -> Made:
        """Return what a property path leads to, None if nothing is there."""
        value: Made = self.of(reference)
        first, *rest = path.split(".")
        try:
            info = VmomiSupport.GetPropertyInfo(type(reference), first)
        except AttributeError:
            raise vmodl.query.InvalidProperty(name=path, msg=f"no property {path}") from None
        value = value.get(first)
        if isinstance(value, list):
            value = info.type(value)
        for name in rest:
            value = getattr(value, name, None)
        return value

    def every(self, kind: Made) -> list[Made]:
        """Return references to all objects of a kind, or of one that is derived from it."""
        found = ((name, thing.kind) for name, thing in self.things.items())
        return [made(name) for name, made in found if issubclass(made, kind)]

    def below(self, container: Made) -> Iterator[Made]:
        """Yield references to all that is within a container, at any depth."""
        for name, thing in list(self.things.items()):
            above = thing.parent
            while above and above != container._moId:
                above = self.things[above].parent
            if above:
                yield thing.kind(name)

    def named(self, kind: Made, name: str) -> Made:
        """Return the object of a kind that has the name, None if none has."""
        return next((one for one in self.every(kind) if self.of(one).get("name") == name), None)


def fresh(version: str) -> Inventory:
    """Return what a host has that was just installed."""
    made = Inventory()
    made.add(vim.ServiceInstance, id="ServiceInstance")
    root = made.add(vim.Folder, id="ha-folder-root", name="ha-folder-root")
    center = made.add(vim.Datacenter, root._moId, id="ha-datacenter", name="ha-datacenter")
    folders = {
        name: made.add(vim.Folder, center._moId, id=f"ha-folder-{name}", name=name)
        for name in ("vm", "host", "datastore", "network")
    }
    made.of(center).update({f"{name}Folder": folder for name, folder in folders.items()})
    made.of(root)["childEntity"] = [center]
    compute = made.add(
        vim.ComputeResource, folders["host"]._moId, id="ha-compute-res", name="localhost"
    )
    pool = made.add(vim.ResourcePool, compute._moId, id="ha-root-pool", name="Resources")
    host = made.add(vim.HostSystem, compute._moId, id="ha-host", name="localhost")
    made.of(compute).update({"resourcePool": pool, "host": [host]})
    made.of(folders["host"])["childEntity"] = [compute]
    networks = made.add(vim.host.NetworkSystem, id="networkSystem")
    stores = made.add(vim.host.DatastoreSystem, id="ha-datastoresystem")
    manager = vim.host.ConfigManager(networkSystem=networks, datastoreSystem=stores)
    made.of(host)["configManager"] = manager
    made.add(vim.Network, folders["network"]._moId, name="VM Network", host=[host], vm=[])
    add_store(made, "datastore1", "VMFS")
    made.of(ServiceInstance)["content"] = content(made, about(version))
    return made


ServiceInstance = vim.ServiceInstance("ServiceInstance")


def add_store(inventory: Inventory, name: str, kind: str) -> Made:
    """Have a datastore; return its reference."""
    mount = vim.host.MountInfo(accessMode="readWrite", mounted=True, accessible=True)
    host = vim.HostSystem("ha-host")
    made = inventory.add(
        vim.Datastore,
        "ha-folder-datastore",
        name=name,
        host=[vim.Datastore.HostMount(key=host, mountInfo=mount)],
        vm=[],
    )
    size = {"capacity": 1 << 40, "freeSpace": 1 << 39}
    inventory.of(made)["summary"] = vim.Datastore.Summary(
        datastore=made,
        name=name,
        type=kind,
        url=f"/vmfs/volumes/{made._moId}",
        accessible=True,
        maintenanceMode="normal",
        **size,
    )
    return made


def about(version: str) -> Made:
    """Return what the host says that it is."""
    build = "22380479"
    return vim.AboutInfo(
        name="VMware ESXi",
        fullName=f"VMware ESXi {version} build-{build}",
        vendor="VMware, Inc.",
        version=version,
        build=build,
        osType="vmnix-x86",
        productLineId="embeddedEsx",
        apiType="HostAgent",
        apiVersion="8.0.2.0",
    )


def content(inventory: Inventory, said: Made) -> Made:
    """Return where a client begins; the managers that it names are there."""
    managers = {
        "propertyCollector": (vmodl.query.PropertyCollector, "ha-property-collector"),
        "viewManager": (vim.view.ViewManager, "ViewManager"),
        "sessionManager": (vim.SessionManager, "ha-sessionmgr"),
        "searchIndex": (vim.SearchIndex, "ha-searchindex"),
    }
    made = {field: inventory.add(kind, id=name) for field, (kind, name) in managers.items()}
    return vim.ServiceInstanceContent(rootFolder=vim.Folder("ha-folder-root"), about=said, **made)

"""What nova's driver asks of a vCenter, asked by its own library, oslo.vmware, which runs this."""

import json
import os
import sys
from typing import Any

from oslo_vmware import api, vim_util

EXTENSION = "org.openstack.compute"
UUID, OTHER = (f"00000000-0000-4000-8000-00000000000{last}" for last in "12")
Found = dict[str, Any]


class Center:
    """A session with a vCenter."""

    def __init__(self, at: str) -> None:
        host, _, port = at.partition(":")
        user, password = os.environ["VSPHERE_USER"], os.environ["VSPHERE_PASSWORD"]
        self.session: Any = api.VMwareAPISession(
            host, user, password, 2, 0.1, port=int(port), insecure=True
        )
        self.vim: Any = self.session.vim
        self.content: Any = self.vim.service_content

    def ask(self, what: str, about: object, **more: object) -> Any:  # noqa: ANN401  # SOAP's own
        return self.session.invoke_api(self.vim, what, about, **more)

    def wait(self, what: str, about: object, **more: object) -> Any:  # noqa: ANN401  # SOAP's own
        done = self.session.wait_for_task(self.ask(what, about, **more))
        return getattr(done, "result", None)

    def all(self, kind: str, *names: str) -> list[Any]:
        """All objects of a kind, with some of their properties."""
        words = (self.vim, kind, 100, list(names))
        found = self.session.invoke_api(vim_util, "get_objects", *words)
        return list(getattr(found, "objects", ()))

    def one(self, kind: str, *names: str) -> tuple[Any, Found]:
        """The only object of a kind, and some of its properties."""
        found = self.all(kind, *names)
        assert len(found) == 1
        return found[0].obj, {p.name: p.val for p in found[0].propSet}

    def made(self, kind: str, **fields: object) -> Any:  # noqa: ANN401  # SOAP's own
        value = self.vim.client.factory.create(f"ns0:{kind}")
        for name, inner in fields.items():
            setattr(value, name, inner)
        return value


def extension(center: Center) -> list[object]:
    """Register nova's extension; return whether it was new, and its key as it is found then."""
    ours, text = center.content.extensionManager, {"label": "OpenStack", "summary": "OpenStack"}
    before = center.ask("FindExtension", ours, extensionKey=EXTENSION)
    wanted = center.made(
        "Extension",
        key=EXTENSION,
        version="1.0",
        lastHeartbeatTime="2026-01-01T00:00:00.758739",  # as nova says it, without a zone
        description=center.made("Description", **text),
    )
    center.ask("RegisterExtension", ours, extension=wanted)
    return [before is None, center.ask("FindExtension", ours, extensionKey=EXTENSION).key]


def disks(center: Center, store: Found) -> list[list[str]]:
    """Make a disk, copy it as nova does, and return the files that a search finds."""
    datacenter, _ = center.one("Datacenter", "name")
    folder = f"[{store['summary.name']}] one"
    disk = f"{folder}/a.vmdk"
    spec = center.made(
        "FileBackedVirtualDiskSpec", adapterType="lsiLogic", diskType="thin", capacityKb=64
    )
    files, manager = center.content.fileManager, center.content.virtualDiskManager
    center.ask("MakeDirectory", files, name=folder, datacenter=datacenter)
    center.wait("CreateVirtualDisk_Task", manager, name=disk, datacenter=datacenter, spec=spec)
    copy = {"sourceName": disk, "sourceDatacenter": datacenter, "destName": f"{folder}/b.vmdk"}
    center.wait("CopyVirtualDisk_Task", manager, **copy)
    wanted = center.made("HostDatastoreBrowserSearchSpec", matchPattern=["*.vmdk"])
    search = {"datastorePath": folder, "searchSpec": wanted}
    listed = center.wait("SearchDatastore_Task", store["browser"], **search)
    return sorted([str(file.path), type(file).__name__] for file in listed.file)


def cards(center: Center, store: Found) -> list[object]:
    """Make a machine with cards on two of NSX's networks, as nova does; return what was there."""
    changes = [
        center.made("VirtualDeviceConfigSpec", operation="add", device=_card(center, number))
        for number in range(2)
    ]
    files = center.made("VirtualMachineFileInfo", vmPathName=f"[{store['summary.name']}]")
    words = {"name": "carded", "guestId": "otherGuest", "numCPUs": 1, "memoryMB": 128}
    words["instanceUuid"] = UUID
    spec = center.made("VirtualMachineConfigSpec", files=files, deviceChange=changes, **words)
    _, datacenter = center.one("Datacenter", "vmFolder")
    _, cluster = center.one("ClusterComputeResource", "resourcePool")
    where = {"config": spec, "pool": cluster["resourcePool"]}
    machine = center.wait("CreateVM_Task", datacenter["vmFolder"], **where)
    _, found = center.one("VirtualMachine", "config.hardware.device")
    devices = found["config.hardware.device"].VirtualDevice
    told = [
        [str(each.backing.opaqueNetworkId), str(each.macAddress), str(each.externalId)]
        for each in devices
        if "opaqueNetworkId" in getattr(each, "backing", ())
    ]
    index, by = center.content.searchIndex, {"vmSearch": True, "instanceUuid": True}
    there = [
        len(center.ask("FindAllByUuid", index, uuid=uuid, **by) or ()) for uuid in (UUID, OTHER)
    ]
    center.wait("PowerOnVM_Task", machine)
    center.wait("PowerOffVM_Task", machine)
    center.wait("Destroy_Task", machine)
    return [*sorted(told), there, len(center.all("VirtualMachine", "name"))]


def _card(center: Center, number: int) -> Any:  # noqa: ANN401  # SOAP's own
    backing = center.made(
        "VirtualEthernetCardOpaqueNetworkBackingInfo",
        opaqueNetworkId=f"network-{number}",
        opaqueNetworkType="nsx.LogicalSwitch",
    )
    about = {"addressType": "manual", "macAddress": f"fa:16:3e:00:00:0{number}"}
    keys = {"key": -47 - number, "externalId": f"port-{number}"}
    return center.made("VirtualE1000", backing=backing, **about, **keys)


def main() -> None:
    """Print what was found, as JSON."""
    center = Center(sys.argv[1])
    names = ("summary.name", "summary.type", "summary.maintenanceMode", "browser")
    _, store = center.one("Datastore", *names)
    _, cluster = center.one("ClusterComputeResource", "name", "host")
    found = {
        "version": str(center.content.about.apiVersion),
        "extension": extension(center),
        "datastore": [str(store["summary.type"]), str(store["summary.maintenanceMode"])],
        "cluster": [str(cluster["name"]), len(cluster["host"].ManagedObjectReference)],
        "files": disks(center, store),
        "cards": cards(center, store),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

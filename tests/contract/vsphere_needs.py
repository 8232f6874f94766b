"""What VMware's client library needs of a vSphere, by its documented calls: of any that answers."""

import secrets
import uuid
from typing import Any

from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from orchestrator.drivers.hypervisor.vsphere import _all

MAC = "00:50:56:00:00:09"
Content = Any


def spec(content: Content, name: str, network: str = "", **more: object) -> Any:  # noqa: ANN401  # made at run time
    """A small machine with a disk, and a card on a network."""
    store = _all(content, vim.Datastore)[0]
    devices = [
        vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus="noSharing"),
        vim.vm.device.VirtualDisk(
            key=-2,
            controllerKey=-1,
            unitNumber=0,
            capacityInKB=1024,
            backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                fileName=f"[{store.name}] {secrets.token_hex(4)}.vmdk", diskMode="persistent"
            ),
        ),
    ]
    if network:
        backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network)
        card = {"addressType": "manual", "macAddress": MAC, **more}
        devices.append(vim.vm.device.VirtualVmxnet3(key=-3, backing=backing, **card))
    changes = [vim.vm.device.VirtualDeviceSpec(operation="add", device=d) for d in devices]
    for change in changes:
        if isinstance(change.device, vim.vm.device.VirtualDisk):
            change.fileOperation = "create"
    return vim.vm.ConfigSpec(
        name=name,
        instanceUuid=str(uuid.uuid4()),
        memoryMB=64,
        numCPUs=1,
        guestId="otherGuest",
        files=vim.vm.FileInfo(vmPathName=f"[{store.name}]"),
        deviceChange=changes,
    )


def created(content: Content, wanted: Any) -> Any:  # noqa: ANN401  # made at run time
    """Have the machine made, by a task that is waited for."""
    folder = content.rootFolder.childEntity[0].vmFolder
    task = folder.CreateVM_Task(wanted, _all(content, vim.ResourcePool)[0])
    WaitForTask(task)
    return task.info.result


def group(content: Content, name: str) -> Any:  # noqa: ANN401  # made at run time
    """Have a port group with a VLAN; return the network system that has it."""
    networks = _all(content, vim.HostSystem)[0].configManager.networkSystem
    networks.AddPortGroup(
        vim.host.PortGroup.Specification(
            name=name, vlanId=100, vswitchName="vSwitch0", policy=vim.host.NetworkPolicy()
        )
    )
    return networks


def a_guest_is_made_started_read_back_and_destroyed(content: Content) -> None:
    networks = group(content, "vlan100")
    wanted = spec(content, "guest", "vlan100")
    machine = created(content, wanted)
    WaitForTask(machine.PowerOnVM_Task())
    assert machine.runtime.powerState == "poweredOn"
    cards = [
        device
        for device in machine.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualEthernetCard)
    ]
    assert [(card.macAddress, card.backing.deviceName) for card in cards] == [(MAC, "vlan100")]
    assert cards[0].key > 0, "the host gives keys"
    found = content.searchIndex.FindByUuid(None, wanted.instanceUuid, True, True)
    assert found == machine
    WaitForTask(machine.PowerOffVM_Task())
    WaitForTask(machine.Destroy_Task())
    assert content.searchIndex.FindByUuid(None, wanted.instanceUuid, True, True) is None
    networks.RemovePortGroup("vlan100")


def many_objects_are_read_at_once(content: Content) -> None:
    """The documented way: a view, and a property collector that goes along it."""
    machine = created(content, spec(content, "read"))
    view = content.viewManager.CreateContainerView(
        content.rootFolder, [vim.VirtualMachine], recursive=True
    )
    kinds = vmodl.query.PropertyCollector
    along = kinds.TraversalSpec(name="along", path="view", skip=False, type=vim.view.ContainerView)
    asked = kinds.FilterSpec(
        objectSet=[kinds.ObjectSpec(obj=view, skip=True, selectSet=[along])],
        propSet=[
            kinds.PropertySpec(
                type=vim.VirtualMachine, pathSet=["name", "config.hardware.memoryMB"]
            )
        ],
    )
    answer = content.propertyCollector.RetrievePropertiesEx([asked], kinds.RetrieveOptions())
    mine = [found for found in answer.objects if found.obj == machine]
    values = {found.name: found.val for found in mine[0].propSet}
    assert values == {"name": "read", "config.hardware.memoryMB": 64}
    view.Destroy()
    WaitForTask(machine.Destroy_Task())


NEEDS = (a_guest_is_made_started_read_back_and_destroyed, many_objects_are_read_at_once)

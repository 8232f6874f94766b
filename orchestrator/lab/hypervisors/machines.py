"""Virtual machines of a simulated vSphere host: from what a client asks to what it reads back."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from pyVmomi import vim

from orchestrator.lab.hypervisors.inventory import Inventory, Made

OFF, ON = "poweredOff", "poweredOn"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_STORE = re.compile(r"\[(?P<store>[^]]+)\].*")
_FIRST_KEY = 4000


def create(inventory: Inventory, spec: Made) -> Made:
    """Have a virtual machine, switched off; return its reference, or raise a fault."""
    if not spec.name or spec.files is None:
        wrong = "configSpec.files" if spec.name else "configSpec.name"
        raise vim.fault.InvalidVmConfig(property=wrong, msg=f"{wrong} is missing")
    if (other := inventory.named(vim.VirtualMachine, spec.name)) is not None:
        said = f"The name '{spec.name}' already exists."
        raise vim.fault.DuplicateName(name=spec.name, object=other, msg=said)
    _store(inventory, spec.files.vmPathName)
    devices = list(_devices(inventory, spec.deviceChange))
    made = inventory.add(vim.VirtualMachine, "ha-folder-vm", name=spec.name)
    inventory.of(made).update(
        config=_config(spec, devices),
        runtime=_runtime(OFF),
        network=_networks(inventory, devices),
        resourcePool=vim.ResourcePool("ha-root-pool"),
    )
    for network in inventory.of(made)["network"]:
        inventory.of(network)["vm"].append(made)
    return made


def switch(inventory: Inventory, machine: Made, before: str, after: str) -> None:
    """Switch it; raise `InvalidPowerState` if it is not in the state before."""
    now = inventory.of(machine)["runtime"].powerState
    if now != before:
        said = "The attempted operation cannot be performed in the current state"
        raise vim.fault.InvalidPowerState(
            requestedState=after, existingState=now, msg=f"{said} ({now})."
        )
    inventory.of(machine)["runtime"] = _runtime(after)


def destroy(inventory: Inventory, machine: Made) -> None:
    """Have it be gone; raise `InvalidPowerState` while it is on."""
    switch(inventory, machine, OFF, OFF)
    for network in inventory.of(machine)["network"]:
        inventory.of(network)["vm"].remove(machine)
    del inventory.things[machine._moId]


def _devices(inventory: Inventory, changes: list[Made]) -> Iterator[Made]:
    """Yield the devices that are to be added, each with a key of its own."""
    keys: dict[int, int] = {}
    for number, change in enumerate(changes or (), start=_FIRST_KEY):
        device = change.device
        if change.operation != "add":
            raise vim.fault.InvalidDeviceOperation(msg="a new machine has nothing to change")
        keys[device.key] = number if device.key <= 0 else device.key
        device.key = keys[device.key]
        device.controllerKey = keys.get(device.controllerKey, device.controllerKey)
        _look(inventory, device, number - _FIRST_KEY)
        yield device


def _look(inventory: Inventory, device: Made, index: int) -> None:
    """Raise the fault of a device that a host would refuse."""
    if isinstance(device, vim.vm.device.VirtualEthernetCard):
        if device.addressType == "manual" and not _MAC.fullmatch(device.macAddress or ""):
            said = f"Invalid configuration for device '{index}'."
            raise vim.fault.InvalidDeviceSpec(deviceIndex=index, msg=said)
        name = _network(device)
        if inventory.named(vim.Network, name) is None:
            said = f"Network interface '{index}' uses network '{name}', which is not accessible."
            raise vim.fault.CannotAccessNetwork(
                device=name, backing=name, connected=False, msg=said
            )
    if isinstance(device, vim.vm.device.VirtualDisk):
        _store(inventory, _file(device))


def _network(card: Made) -> str:
    return str(card.backing.deviceName)


def _file(disk: Made) -> str:
    return str(disk.backing.fileName)


def _store(inventory: Inventory, path: str) -> None:
    """Raise the fault of a path whose datastore is not there."""
    found = _STORE.fullmatch(path or "")
    if found is None or inventory.named(vim.Datastore, found["store"]) is None:
        raise vim.fault.InvalidDatastorePath(
            datastorePath=path, msg=f"Invalid datastore path '{path}'."
        )


def _networks(inventory: Inventory, devices: list[Made]) -> list[Made]:
    cards = (one for one in devices if isinstance(one, vim.vm.device.VirtualEthernetCard))
    names = dict.fromkeys(_network(card) for card in cards)
    return [inventory.named(vim.Network, name) for name in names]


def _config(spec: Made, devices: list[Made]) -> Made:
    hardware = vim.vm.VirtualHardware(
        numCPU=spec.numCPUs or 1, memoryMB=spec.memoryMB or 4, device=devices
    )
    now = datetime.now(UTC)
    return vim.vm.ConfigInfo(
        changeVersion=now.isoformat(),
        modified=now,
        name=spec.name,
        guestFullName="Other",
        alternateGuestName=spec.alternateGuestName or "",
        version="vmx-21",
        uuid=spec.uuid or str(uuid.uuid4()),
        instanceUuid=spec.instanceUuid or str(uuid.uuid4()),
        template=False,
        guestId=spec.guestId or "otherGuest",
        annotation=spec.annotation or "",
        files=spec.files,
        flags=vim.vm.FlagInfo(),
        defaultPowerOps=vim.vm.DefaultPowerOpInfo(),
        hardware=hardware,
        extraConfig=spec.extraConfig,
    )


def _runtime(power: str) -> Made:
    return vim.vm.RuntimeInfo(
        host=vim.HostSystem("ha-host"),
        connectionState="connected",
        powerState=power,
        faultToleranceState="notConfigured",
        toolsInstallerMounted=False,
        numMksConnections=0,
        recordReplayState="inactive",
        onlineStandby=False,
        consolidationNeeded=False,
    )

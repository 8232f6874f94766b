"""VMware's ESXi by the vSphere API, with VMware's own client library."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl
from pyVmomi.Security import ThumbprintMismatchException

from stratus.drivers.hardware import Hardware
from stratus.hypervisors.api import Api, context
from stratus.web import Refused

_SECONDS = 20
_LINE = re.compile(r'^([\w.:]+) = "(.*)"$', re.MULTILINE)
_TAGGED = re.compile(r".*-(\d+)")
_CONTROLLER = -1
_DISK_KIB = 1024


class Host:
    """Guests as virtual machines of the host's one inventory."""

    def __init__(self, api: Api) -> None:
        """Take where the host answers."""
        self._api = api

    @classmethod
    def told(cls, told: dict[str, str], folder: Path) -> Self:
        """Return what the configuration says."""
        return cls(Api.told(told, folder))

    def run(self, server: str, definition: str) -> Hardware:
        """Make the virtual machine anew, switch it on, and return what the host says it has."""
        lines = dict(_LINE.findall(definition))
        with self._session() as content:
            _destroy(content, server)
            center = content.rootFolder.childEntity[0]
            compute = center.hostFolder.childEntity[0]
            for name in _networks(lines):
                _have(compute.host[0].configManager.networkSystem, name)
            task = center.vmFolder.CreateVM_Task(_spec(server, lines), compute.resourcePool)
            WaitForTask(task)
            machine = task.info.result
            WaitForTask(machine.PowerOnVM_Task())
            return _found(machine.config)

    def stop(self, server: str) -> None:
        """Switch the virtual machine off and destroy it."""
        with self._session() as content:
            _destroy(content, server)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        api = self._api
        try:
            instance = SmartConnect(
                host=api.address,
                port=api.port,
                user=api.user,
                pwd=api.password,
                sslContext=context(),
                thumbprint=api.certificate,
                httpConnectionTimeout=_SECONDS,
            )
            try:
                yield instance.content
            finally:
                with suppress(vmodl.MethodFault, OSError, http.client.HTTPException):
                    Disconnect(instance)
        except vmodl.MethodFault as error:
            said = error.msg or type(error).__name__
            raise Refused(500, f"vmware: {said}") from error
        except (OSError, http.client.HTTPException, ThumbprintMismatchException) as error:
            raise Refused(503, f"vmware: vSphere does not answer: {error}") from error


def _destroy(content: Any, server: str) -> None:  # noqa: ANN401  # made at run time
    machine = content.searchIndex.FindByUuid(None, server, True, True)  # noqa: FBT003  # theirs
    if machine is not None:
        if machine.runtime.powerState != "poweredOff":
            WaitForTask(machine.PowerOffVM_Task())
        WaitForTask(machine.Destroy_Task())


def _cards(lines: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield MAC address and network of each card."""
    for number in count():
        card = f"ethernet{number}"
        if lines.get(f"{card}.present") != "TRUE":
            return
        yield lines[f"{card}.address"], lines[f"{card}.networkName"]


def _networks(lines: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(network for _, network in _cards(lines)))


def _have(networks: Any, name: str) -> None:  # noqa: ANN401  # made at run time
    """Have the port group, with the VLAN that its name ends with."""
    tag = _TAGGED.fullmatch(name)
    spec = vim.host.PortGroup.Specification(
        name=name,
        vlanId=int(tag[1]) if tag else 0,
        vswitchName="vSwitch0",
        policy=vim.host.NetworkPolicy(),
    )
    with suppress(vim.fault.AlreadyExists):
        networks.AddPortGroup(spec)


def _spec(server: str, lines: dict[str, str]) -> Any:  # noqa: ANN401  # made at run time
    controller = vim.vm.device.ParaVirtualSCSIController(
        key=_CONTROLLER, busNumber=0, sharedBus="noSharing"
    )
    disks = [name for name in sorted(lines) if re.fullmatch(r"scsi0:\d+\.fileName", name)]
    devices = [controller, *(_disk(name, lines[name]) for name in disks)]
    devices += [_card(mac, network) for mac, network in _cards(lines)]
    told = ((name, lines[name]) for name in sorted(lines) if name.endswith(".device"))
    return vim.vm.ConfigSpec(
        name=f"{lines['displayName']} ({server})",
        annotation=lines["displayName"],
        instanceUuid=server,
        memoryMB=64,
        numCPUs=1,
        guestId="otherGuest",
        files=vim.vm.FileInfo(vmPathName="[datastore1]"),
        deviceChange=[
            vim.vm.device.VirtualDeviceSpec(operation="add", device=device) for device in devices
        ],
        extraConfig=[vim.option.OptionValue(key=name, value=value) for name, value in told],
    )


def _disk(name: str, volume: str) -> Any:  # noqa: ANN401  # made at run time
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[datastore1] {volume}.vmdk", diskMode="independent_persistent"
    )
    number = int(name.partition(":")[2].partition(".")[0])
    return vim.vm.device.VirtualDisk(
        key=-10 - number,
        controllerKey=_CONTROLLER,
        unitNumber=number,
        capacityInKB=_DISK_KIB,
        backing=backing,
    )


def _card(mac: str, network: str) -> Any:  # noqa: ANN401  # made at run time
    backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network)
    return vim.vm.device.VirtualVmxnet3(
        key=-100, addressType="manual", macAddress=mac, backing=backing
    )


def _found(config: Any) -> Hardware:  # noqa: ANN401  # made at run time
    devices = config.hardware.device
    cards = (one for one in devices if isinstance(one, vim.vm.device.VirtualEthernetCard))
    seen = {option.key: option.value for option in config.extraConfig}
    disks = (one for one in devices if isinstance(one, vim.vm.device.VirtualDisk))
    return Hardware(
        name=config.annotation,
        macs=tuple(str(card.macAddress) for card in cards),
        disks=tuple(
            (str(seen[f"scsi0:{disk.unitNumber}.device"]), _volume(disk)) for disk in disks
        ),
    )


def _volume(disk: Any) -> str:  # noqa: ANN401  # made at run time
    file: str = disk.backing.fileName
    return file.partition("] ")[2].removesuffix(".vmdk")

"""Hyper-V: WMI setting data in MOF, where a MAC address has no colons."""

import re

from stratus.drivers.hardware import Hardware, Order

_INSTANCE = re.compile(r"instance of (\w+) {\n(.*?)\n};", re.DOTALL)
_PROPERTY = re.compile(r'^ (\w+) = "(.*)";$', re.MULTILINE)
_PAIR = re.compile("..")


def define(order: Order) -> str:
    """Return the settings of the virtual system, its Ethernet ports and disks."""
    instance = order.instance
    settings = [_setting("Msvm_VirtualSystemSettingData", ElementName=instance["name"])]
    macs = instance["mac_address"].split(",")
    for mac, link in zip(macs, order.links, strict=True):
        settings.append(
            _setting(
                "Msvm_SyntheticEthernetPortSettingData",
                Address=mac.replace(":", "").upper(),
                VirtualSwitch=link.bridge,
                AccessVlanId=str(link.vlan or 0),
            )
        )
    for disk in order.disks:
        settings.append(
            _setting("Msvm_ResourceAllocationSettingData", Drive=disk.device, Disk=disk.volume)
        )
    return "\n".join(settings)


def _setting(kind: str, **properties: str) -> str:
    lines = "\n".join(f' {name} = "{value}";' for name, value in properties.items())
    return f"instance of {kind} {{\n{lines}\n}};"


def power_on(definition: str) -> Hardware:
    """Return what the virtual system finds."""
    found = [(kind, dict(_PROPERTY.findall(body))) for kind, body in _INSTANCE.findall(definition)]
    ports = [item for kind, item in found if kind.startswith("Msvm_SyntheticEthernetPort")]
    drives = [item for kind, item in found if kind.startswith("Msvm_ResourceAllocation")]
    return Hardware(
        name=found[0][1]["ElementName"],
        macs=tuple(":".join(_PAIR.findall(port["Address"])).lower() for port in ports),
        disks=tuple((drive["Drive"], drive["Disk"]) for drive in drives),
    )

"""VMware: the lines of a VMX file."""

import re
from itertools import count

from stratus.drivers.hardware import Hardware, Order

_LINE = re.compile(r'^([\w.:]+) = "(.*)"$', re.MULTILINE)


def define(order: Order) -> str:
    """Return the VMX file."""
    instance = order.instance
    lines = ['config.version = "8"', f'displayName = "{instance["name"]}"']
    macs = instance["mac_address"].split(",")
    for number, (mac, link) in enumerate(zip(macs, order.links, strict=True)):
        network = link.bridge if link.vlan is None else f"{link.bridge}-{link.vlan}"
        lines += [
            f'ethernet{number}.present = "TRUE"',
            f'ethernet{number}.addressType = "static"',
            f'ethernet{number}.address = "{mac}"',
            f'ethernet{number}.networkName = "{network}"',
        ]
    for number, disk in enumerate(order.disks, start=1):
        lines += [f'scsi0:{number}.fileName = "{disk.volume}"']
        lines += [f'scsi0:{number}.device = "{disk.device}"']
    return "\n".join(lines)


def power_on(definition: str) -> Hardware:
    """Return what the virtual machine finds."""
    lines = dict(_LINE.findall(definition))
    cards = (f"ethernet{number}" for number in count())
    macs = []
    while lines.get(f"{(card := next(cards))}.present") == "TRUE":
        macs.append(lines[f"{card}.address"])
    disks = sorted(name for name in lines if name.startswith("scsi0:") and "device" in name)
    volumes = ((lines[name], lines[name.replace("device", "fileName")]) for name in disks)
    return Hardware(name=lines["displayName"], macs=tuple(macs), disks=tuple(volumes))

"""XenServer: a XenAPI VM record with its VIF and VBD records."""

import json

from stratus.drivers.hardware import Hardware, Order


def define(order: Order) -> str:
    """Return the records as JSON."""
    instance = order.instance
    macs = instance["mac_address"].split(",")
    vifs = [
        {
            "device": str(device),
            "MAC": mac,
            "network": link.bridge if link.vlan is None else f"{link.bridge} VLAN {link.vlan}",
            "MTU": "1500",
        }
        for device, (mac, link) in enumerate(zip(macs, order.links, strict=True))
    ]
    vbds = [
        {"userdevice": disk.device.replace("/dev/vd", "/dev/xvd"), "VDI": disk.volume}
        for disk in order.disks
    ]
    record = {
        "name_label": instance["name"],
        "other_config": {"nova_uuid": instance["uuid"]},
        "PV_bootloader": "pygrub",
        "VIFs": vifs,
        "VBDs": vbds,
    }
    return json.dumps(record)


def power_on(definition: str) -> Hardware:
    """Return what the VM finds."""
    record = json.loads(definition)
    return Hardware(
        name=record["name_label"],
        macs=tuple(vif["MAC"] for vif in record["VIFs"]),
        disks=tuple((vbd["userdevice"], vbd["VDI"]) for vbd in record["VBDs"]),
    )

"""KVM: a libvirt domain in XML."""

import xml.etree.ElementTree as ElementTree

from stratus.drivers.hardware import Disk, Hardware, Link, Order

_DEVICES = "/dev/"


def define(order: Order) -> str:
    """Return the domain's XML."""
    instance = order.instance
    domain = ElementTree.Element("domain", type="kvm")
    ElementTree.SubElement(domain, "name").text = f"instance-{instance['id']:08x}"
    ElementTree.SubElement(domain, "uuid").text = instance["uuid"]
    ElementTree.SubElement(domain, "title").text = instance["name"]
    ElementTree.SubElement(domain, "memory", unit="MiB").text = "64"
    ElementTree.SubElement(ElementTree.SubElement(domain, "os"), "type").text = "hvm"
    devices = ElementTree.SubElement(domain, "devices")
    for disk in order.disks:
        _add_disk(devices, disk)
    macs = instance["mac_address"].split(",")
    for mac, link in zip(macs, order.links, strict=True):
        _add_interface(devices, mac, link)
    return ElementTree.tostring(domain, encoding="unicode")


def _add_disk(devices: ElementTree.Element, disk: Disk) -> None:
    element = ElementTree.SubElement(devices, "disk", type="network", device="disk")
    ElementTree.SubElement(element, "source", protocol="iscsi", name=disk.volume)
    name = disk.device.removeprefix(_DEVICES)
    ElementTree.SubElement(element, "target", dev=name, bus="virtio")
    ElementTree.SubElement(element, "serial").text = disk.volume


def _add_interface(devices: ElementTree.Element, mac: str, link: Link) -> None:
    element = ElementTree.SubElement(devices, "interface", type="bridge")
    ElementTree.SubElement(element, "mac", address=mac)
    ElementTree.SubElement(element, "source", bridge=link.bridge)
    if link.vlan is not None:
        vlan = ElementTree.SubElement(element, "vlan")
        ElementTree.SubElement(vlan, "tag", id=str(link.vlan))


def power_on(definition: str) -> Hardware:
    """Return what the domain finds."""
    domain = ElementTree.fromstring(definition)  # noqa: S314  # our own document
    disks = (
        (disk.find("target"), disk.findtext("serial", "")) for disk in domain.iterfind(".//disk")
    )
    return Hardware(
        name=domain.findtext("title", ""),
        macs=tuple(mac.attrib["address"] for mac in domain.iterfind(".//interface/mac")),
        disks=tuple(
            (_DEVICES + target.attrib["dev"], volume)
            for target, volume in disks
            if target is not None
        ),
    )

"""Machines of every firmware boot into our boot server by the dnsmasq file that we ship."""

import math
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.lab import box
from orchestrator.lab.box import Box
from orchestrator.lab.qemu import needs, segment
from orchestrator.lab.shape import HOST, Emulation, Shape
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import BootDevice, Node
from tests.contract.power_law import within
from tests.real import rack
from tests.real.rack import Dhcp, Firmware
from tests.real.rack_site import MARKER, script
from tests.unit.web_house import furnish, offer

pytestmark = pytest.mark.real
MISSING = rack.unavailable()
EMULATED = needs.missing((*needs.ALWAYS, *needs.UEFI))
#: a boot takes 5 to 40 s, on a host that has nothing else to do
BOOT_SECONDS = 240.0
#: the platform on which the offered script must say that it runs, and what must have been fetched
EXPECTED = {
    Firmware.BIOS_IPXE: ("pcbios", ()),
    Firmware.BIOS_PXE: ("pcbios", ("undionly.kpxe",)),
    Firmware.UEFI_PXE: ("efi", ("ipxe.efi",)),
    Firmware.UEFI_HTTP: ("efi", ()),
}
# Proxy-DHCP cannot answer HTTP boot, as the file says.
CASES = [
    pytest.param(dhcp, firmware, id=f"{firmware.name}-{dhcp.name}")
    for dhcp in Dhcp
    for firmware in Firmware
    if (dhcp, firmware) != (Dhcp.PROXY, Firmware.UEFI_HTTP)
]


@pytest.mark.skipif(bool(MISSING), reason=f"type: {needs.line(MISSING)}")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the rack's network")
@pytest.mark.parametrize(("dhcp", "firmware"), CASES)
def test_a_machine_reaches_its_boot_script(tmp_path: Path, dhcp: Dhcp, firmware: Firmware) -> None:
    if not rack.wired():
        pytest.skip("no network namespace with a TAP device can be made on this host")
    platform, fetched = EXPECTED[firmware]
    with rack.opened(tmp_path, dhcp) as network:
        console = network.boot(firmware, BOOT_SECONDS)
        assert f"{MARKER} on {platform}" in console, f"{console[-1500:]}\n{network.said[-3000:]}"
        sent = re.findall(r"tftp\[\d+\]: sent \S+/(\S+) to", network.said)
    assert set(sent) == set(fetched)


@pytest.mark.skipif(bool(EMULATED), reason=f"type: {needs.line(EMULATED)}")
def test_an_emulated_machine_with_uefi_reaches_it_as_well(tmp_path: Path) -> None:
    emulation = Emulation(
        shape=Shape(memory_mib=512, uefi=True), services=(segment.command(tmp_path / "lab"),)
    )
    (tmp_path / "house").mkdir()
    with furnish(tmp_path / "house", nodes=1) as home:
        lab = box.start(tmp_path / "lab", nodes=1, speed=math.inf, emulation=emulation)
        try:
            (node,) = lab.nodes()
            made = offer(home.url, node, AttemptId("1/kvm-guest-flat/1"))
            home.store.offers.put(replace(made, script=script()))
            lab.set_boot_url(home.url.replace("127.0.0.1", HOST) + "/boot")
            console = powered(lab, node)
        finally:
            lab.stop()
    assert f"{MARKER} on efi" in console, console[-1500:]


def powered(lab: Box, node: Node) -> str:
    """Switch a machine on for network boot; return its console, up to the script's words."""
    children = WarmChildren()
    try:
        power = IpmiPower(children, gap=0)
        power.boot_next(node, BootDevice.NETWORK, within(60))
        power.set(node, within(60), on=True)
    finally:
        children.close()
    console = lab.node_dir(node.name).console
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end and f"{MARKER} on efi" not in text(console):
        time.sleep(0.5)
    return text(console)


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""

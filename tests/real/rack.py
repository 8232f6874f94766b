"""A rack's provisioning network in namespaces of its own: our dnsmasq, our boot server, machines.

The cards are called as in docs/dnsmasq.conf, so that it is used as it stands. Only for root.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.lab.qemu.command import OVMF_CODE, OVMF_VARS
from orchestrator.lab.qemu.needs import Need, missing
from tests.real.rack_site import MAC, MARKER

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "docs" / "dnsmasq.conf"
ADDRESS, PORT = "10.20.0.1", 8470
_IPXE = Path("/usr/lib/ipxe")
NEEDS = (
    Need(what="qemu-system-x86_64", package="qemu-system-x86", purpose="the machine"),
    Need(what="dnsmasq", package="dnsmasq-base", purpose="DHCP and TFTP"),
    Need(what=str(_IPXE / "undionly.kpxe"), package="ipxe", purpose="what it boots"),
    Need(what=str(OVMF_CODE), package="ovmf", purpose="its UEFI"),
    Need(what="ip", package="iproute2", purpose="its network"),
)
_TUN = Path("/dev/net/tun")
#: the provisioning network with a machine's cable, and one more host on it
_WIRES = """
ip link set lo up
ip link add eno2 type bridge
ip addr add 10.20.0.1/24 dev eno2
ip link set eno2 up
ip tuntap add dev cable mode tap
ip link set cable master eno2 up
ip link add near type veth peer name far
ip link set near master eno2 up
ip link set far netns {office}
"""
_OFFICE = "ip addr add 10.20.0.254/24 dev far && ip link set far up"
#: somebody else's DHCP server, which knows nothing of network boot
_ADDRESSES = ("--port=0", "--interface=far", "--bind-interfaces", "--conf-file=/dev/null")
# What a card's own PXE does, by an iPXE that says it were none.
_PLAIN_PXE = "#!ipxe\nset user-class PXEClient\nautoboot net0\n"
_ENDED = re.compile(rf"{MARKER} on \w+\s*\n|No bootable device|No bootable option|Shell>")
_BOARD = (
    *("qemu-system-x86_64", "-accel", "tcg", "-M", "q35,graphics=off", "-m", "512"),
    *("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"),
    *("-netdev", "tap,id=n0,ifname=cable,script=no,downscript=no", "-device", "virtio-rng-pci"),
)


class Firmware(StrEnum):
    """How a machine's firmware boots from the network."""

    BIOS_IPXE = "a card whose own ROM is iPXE"
    BIOS_PXE = "a card with plain PXE, under BIOS"
    UEFI_PXE = "UEFI's own PXE"
    UEFI_HTTP = "UEFI's HTTP boot"


class Dhcp(StrEnum):
    """Which variant of docs/dnsmasq.conf is used."""

    PROXY = "beside another DHCP server"
    FULL = "as the only DHCP server"


def unavailable() -> tuple[Need, ...]:
    """Return what this host lacks."""
    return missing(NEEDS)


def wired() -> bool:
    """Return whether we may make networks here."""
    done = subprocess.run(
        ["unshare", "--net", "ip", "tuntap", "add", "dev", "t", "mode", "tap"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    return _TUN.exists() and done.returncode == 0


def configuration(tftp: Path, dhcp: Dhcp) -> str:
    """Return docs/dnsmasq.conf for a TFTP folder and a variant, changed as its comments say."""
    text = CONFIGURATION.read_text().replace("tftp-root=/srv/tftp", f"tftp-root={tftp}")
    if dhcp is Dhcp.PROXY:
        return text
    text = text.replace("3c:ec:ef:00:00:01", MAC)
    proxy = re.compile(r"^dhcp-range=.+,proxy\n(pxe-service=.+\n){3}", re.MULTILINE)
    taken_out, times = proxy.subn("", text)
    assert times == 1
    for key in ("dhcp-range", "dhcp-authoritative", "dhcp-option", "dhcp-host"):
        taken_out = taken_out.replace(f"\n#{key}", f"\n{key}")
    return taken_out


@contextmanager
def running(argv: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for as long as the context lasts; all that it says goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """The network, with all that serves on it."""

    folder: Path
    #: what to begin a command with that runs there
    inside: tuple[str, ...]

    @property
    def said(self) -> str:
        """All that DHCP and TFTP said so far."""
        return (self.folder / "dnsmasq.log").read_text(errors="replace")

    def boot(self, firmware: Firmware, seconds: float) -> str:
        """Return a machine's console, up to the offered script's words or the end of time."""
        console = self.folder / "console.log"
        argv = [*self.inside, "nice", "-n", "15", *_BOARD, *_machine(self.folder, firmware)]
        end = time.monotonic() + seconds
        with running(argv, console) as machine:
            while time.monotonic() < end and machine.poll() is None:
                if _ENDED.search(_text(console)):
                    break
                time.sleep(0.2)
        return _text(console)


def _text(path: Path) -> str:
    return path.read_text(errors="replace")


def _machine(folder: Path, firmware: Firmware) -> Iterator[str]:
    card = f"virtio-net-pci,netdev=n0,mac={MAC}"
    if firmware is Firmware.BIOS_IPXE:
        yield from ("-device", card, "-boot", "order=n")
        return
    yield from ("-device", f"{card},romfile=")
    if firmware is Firmware.BIOS_PXE:
        (folder / "card.ipxe").write_text(_PLAIN_PXE)
        yield from ("-kernel", str(_IPXE / "ipxe.lkrn"), "-initrd", str(folder / "card.ipxe"))
        return
    variables = folder / "variables.fd"
    shutil.copyfile(OVMF_VARS, variables)
    yield from ("-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}")
    yield from ("-drive", f"if=pflash,format=raw,file={variables}")
    yield from ("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n")
    if firmware is Firmware.UEFI_HTTP:
        yield from ("-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n")


@contextmanager
def opened(folder: Path, dhcp: Dhcp) -> Iterator[Rack]:
    """Yield a rack whose network is served."""
    tftp = folder / "tftp"
    tftp.mkdir()
    for name in ("undionly.kpxe", "ipxe.efi"):
        shutil.copyfile(_IPXE / name, tftp / name)
    (folder / "dnsmasq.conf").write_text(configuration(tftp, dhcp))
    with ExitStack() as stack:
        inside = stack.enter_context(_namespace(folder))
        office = stack.enter_context(_namespace(folder))
        wires = _WIRES.format(office=office[1].split("/")[2])
        for space, steps in ((inside, f"set -e\n{wires}"), (office, _OFFICE)):
            subprocess.run([*space, "sh", "-c", steps], check=True, timeout=20)
        if dhcp is Dhcp.PROXY:
            given = ("--dhcp-range=10.20.0.50,10.20.0.60,1h", *_ADDRESSES)
            argv = _dnsmasq(office, folder / "office.leases", *given)
            stack.enter_context(running(argv, folder / "office.log"))
        argv = _dnsmasq(inside, folder / "leases", f"--conf-file={folder}/dnsmasq.conf")
        stack.enter_context(running(argv, folder / "dnsmasq.log"))
        site = ("-m", "tests.real.rack_site", str(folder / "house"), ADDRESS, str(PORT))
        stack.enter_context(running([*inside, sys.executable, *site], folder / "site.log"))
        _await_answer(inside)
        yield Rack(folder=folder, inside=inside)


def _await_answer(inside: tuple[str, ...]) -> None:
    url = f"http://{ADDRESS}:{PORT}/boot/first.ipxe"
    ask = f"import urllib.request as r; r.urlopen({url!r}, timeout=5)"
    end = time.monotonic() + 60
    argv = [*inside, sys.executable, "-c", ask]
    while subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode:
        assert time.monotonic() < end, "the boot server did not start"


def _dnsmasq(space: tuple[str, ...], leases: Path, *options: str) -> list[str]:
    kept = (f"--dhcp-leasefile={leases}", "--log-facility=-", "--pid-file", "--user=root")
    return [*space, "dnsmasq", "--keep-in-foreground", *kept, *options]


@contextmanager
def _namespace(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield what to begin a command with that runs on a network of its own."""
    with running(["unshare", "--net", "sleep", "3600"], folder / "namespace.log") as holder:
        ours = Path("/proc/self/ns/net").readlink()
        theirs = Path(f"/proc/{holder.pid}/ns/net")
        end = time.monotonic() + 10
        while theirs.readlink() == ours:
            assert time.monotonic() < end, "no namespace was made"
            time.sleep(0.01)
        yield ("nsenter", f"--net={theirs}")

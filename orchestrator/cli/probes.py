"""What this machine has of what the orchestrator needs, and the one line that brings the rest."""

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab import cloud_needs, openssh
from orchestrator.lab.hypervisors import libvirt
from orchestrator.lab.qemu import needs, redfish
from orchestrator.lab.qemu.needs import Need
from orchestrator.wiring.settings import DEFAULT_PORT

PYTHON = (3, 11)
ROOM = 2**30  # bytes: a lab in a box and some hundred cells
LOOPBACK = "127.0.0.1"
#: any of 127.0.0.0/8 is ours to bind on Linux; each machine of the lab in a box has its own
FAR_LOOPBACK = "127.64.250.250"
SHARED_MEMORY = "/dev/shm"  # noqa: S108  # nothing is put there, it is only asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was looked for."""

    subject: str
    ok: bool
    #: without it the orchestrator does not work; else it only adds something
    needed: bool = True
    #: what was found, or what it would be for
    found: str
    #: the one line to type when it is missing, or what else to do
    advice: str = ""
    #: the Debian package that brings it, if one does
    package: str = ""


def all_probes(home: Path) -> Iterator[Probe]:
    """Yield everything that was looked for, what is needed first."""
    yield _python()
    yield _tool("git", "git", "reads the repositories")
    yield _tool("ssh", "openssh-client", "Ansible reaches the machines")
    yield _tool("ssh-keygen", "openssh-client", "host keys of the machines")
    yield _sshd()
    yield _ansible()
    yield _loopback()
    yield _readable()
    yield _shared_memory()
    yield _room(home)
    yield _port()
    yield _tool("ipmitool", "ipmitool", "a second opinion on a BMC", needed=False)
    yield _tool("ipmi_sim", "openipmi", "foreign BMCs in `make test-real`", needed=False)
    yield _tool("chromium", "chromium", "tests of the pages", needed=False)
    yield _libvirt()
    yield _emulated("emulated machines", needs.ALWAYS)
    yield _emulated("emulated, UEFI", needs.UEFI)
    yield _emulated("emulated, FAI", needs.fai())
    yield _redfish()
    yield _openstack()


def one_line(probes: tuple[Probe, ...]) -> str:
    """Return the one line that installs every needed package that is missing, or an empty text."""
    missing = [p.package for p in probes if p.needed and not p.ok and p.package]
    return f"sudo apt-get install {' '.join(dict.fromkeys(missing))}" if missing else ""


def emulated_line() -> str:
    """Return the one line that installs what `up --lab qemu` lacks, or an empty text."""
    return needs.line(needs.missing(needs.ALWAYS))


def _emulated(subject: str, wanted: tuple[Need, ...]) -> Probe:
    lacking = needs.missing(wanted)
    return Probe(
        subject=subject,
        ok=not lacking,
        needed=False,
        found=f"not found: {', '.join(need.what for need in lacking)}" if lacking else "all there",
        advice=needs.line(lacking),
    )


def _openstack() -> Probe:
    """An OpenStack on simulated machines; whole machines install what they need by themselves."""
    lacking = ", ".join(need.what for need in cloud_needs.missing())
    root = os.geteuid() == 0
    trouble = f"not found: {lacking}" if lacking else "" if root else "needs a lab started as root"
    return Probe(
        subject="simulated, OpenStack",
        ok=not trouble,
        needed=False,
        found=trouble or "all there",
        advice=cloud_needs.line() or "sudo smoketest up",
    )


def _libvirt() -> Probe:
    """What plays KVM in the lab in a box; without it the sample makes guests of definitions."""
    lacking = libvirt.missing()
    return Probe(
        subject="simulated, KVM",
        ok=not lacking,
        needed=False,
        found="not found: libvirtd, virsh" if lacking else "libvirt's test driver",
        advice=lacking,
    )


def _redfish() -> Probe:
    there = redfish.available()
    return Probe(
        subject="emulated, Redfish",
        ok=there,
        needed=False,
        found="sushy-tools" if there else "not found: sushy-tools",
        advice=needs.SUSHY,
    )


def _python() -> Probe:
    return Probe(
        subject="python",
        ok=sys.version_info[:2] >= PYTHON,
        found=platform.python_version(),
        advice=f"sudo apt-get install python{'.'.join(map(str, PYTHON))}",
    )


def _tool(name: str, package: str, purpose: str, *, needed: bool = True) -> Probe:
    path = shutil.which(name)
    return Probe(
        subject=name,
        ok=path is not None,
        needed=needed,
        found=path or f"not found ({purpose})",
        advice=f"sudo apt-get install {package}",
        package=package,
    )


def _sshd() -> Probe:
    """The lab in a box fetches one for itself where Debian's tools are at hand."""
    path = openssh.find(openssh.default_cache())
    fetchable = all(shutil.which(tool) for tool in ("apt-get", "dpkg", "ldd"))
    waiting = "not found; the lab in a box unpacks one for itself when it starts"
    return Probe(
        subject="sshd",
        ok=path is not None or fetchable,
        found=str(path) if path else waiting if fetchable else "not found",
        advice="sudo apt-get install openssh-server",
        package="openssh-server",
    )


def _ansible() -> Probe:
    path = Path(sys.prefix) / "bin" / "ansible-playbook"
    return Probe(
        subject="ansible-playbook",
        ok=path.is_file(),
        found=str(path) if path.is_file() else f"not found in {path.parent}",
        advice=f"{sys.executable} -m pip install ansible-core",
    )


def _loopback() -> Probe:
    problem = _bind(FAR_LOOPBACK, 0)
    return Probe(
        subject="loopback addresses",
        ok=not problem,
        found=problem or "all of 127.0.0.0/8",
        advice="sudo ip addr add 127.0.0.1/8 dev lo",
    )


def _readable() -> Probe:
    try:
        readable = bool(Path("/proc/self/environ").read_bytes())
    except OSError:
        readable = False
    return Probe(
        subject="/proc",
        ok=readable,
        found="readable" if readable else "not readable: processes of ours that a kill left over",
        advice="sudo mount -t proc proc /proc",
    )


def _shared_memory() -> Probe:
    writable = os.access(SHARED_MEMORY, os.W_OK)
    return Probe(
        subject=SHARED_MEMORY,
        ok=writable,
        found="writable" if writable else "not writable: Ansible's workers need it",
        advice=f"sudo mount -t tmpfs tmpfs {SHARED_MEMORY}",
    )


def _room(home: Path) -> Probe:
    place = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    return Probe(
        subject="disk space",
        ok=free >= ROOM and os.access(place, os.W_OK),
        found=f"{free / 2**30:.1f} GiB free for {home}"
        + ("" if os.access(place, os.W_OK) else ", not writable"),
        advice=f"make {ROOM / 2**30:.0f} GiB free, or choose another folder with --home",
    )


def _port() -> Probe:
    problem = _bind(LOOPBACK, DEFAULT_PORT)
    return Probe(
        subject=f"port {DEFAULT_PORT}",
        ok=not problem,
        needed=False,
        found=problem or "free",
        advice="smoketest up takes another one by itself; --port chooses it",
    )


def _bind(address: str, port: int) -> str:
    """Return why a listener cannot be put there, or an empty text."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            return f"{address}:{port}: {os.strerror(error.errno or 0).lower()}"
    return ""

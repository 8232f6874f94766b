"""A bare unattended install under QEMU, with nothing of the orchestrator: for measurements.

A small HTTP server hands out installer, answers and key, and takes the call-back; the guest's own
network does DHCP and TFTP. `install` returns how long each phase took.
"""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orchestrator.lab.qemu.netboot import Installer

MAC = "52:54:00:00:00:01"
_SCRIPT = """#!ipxe
kernel {url}/linux {arguments}
initrd {url}/initrd.gz
boot
"""
_ARGUMENTS = (
    "initrd=initrd.gz auto=true priority=critical preseed/url={url}/preseed.cfg"
    " hostname=node1 domain=lab DEBIAN_FRONTEND=text netcfg/choose_interface=auto"
    " netcfg/link_wait_timeout=10 debian-installer/allow_unauthenticated=false"
    " mitigations=off ipv6.disable=1 net.ifnames=0 --- console=ttyS0,115200"
)
#: what the console says at the start of a phase
_MARKS = (
    ("partman", "Starting up the partitioner"),
    ("base", "Installing the base system"),
    ("apt", "Configuring apt"),
    ("software", "Select and install software"),
    ("grub", "Installing GRUB boot loader"),
    ("finish", "Finishing the installation"),
)


class Stuck(RuntimeError):
    """The install did not end in time; the text is the end of its console."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Seconds from power-on to each event, in order, the processor seconds of the emulator and
    the bytes on disk."""

    seconds: Mapping[str, float]
    processor: float
    disk: int

    def __str__(self) -> str:
        """Return a line for a person."""
        parts = [f"{name} {at:.0f}" for name, at in self.seconds.items()]
        return f"{', '.join(parts)}; CPU {self.processor:.0f} s; disk {self.disk >> 20} MiB"


@dataclass(slots=True)
class _Watch:
    """Notes when what happened first."""

    start: float = field(default_factory=time.monotonic)
    seen: dict[str, float] = field(default_factory=dict)

    def note(self, name: str) -> None:
        self.seen.setdefault(name, time.monotonic() - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is emulated."""

    memory: int = 1024
    processors: int = 2
    disk: str = "8G"
    arguments: str = _ARGUMENTS


@contextlib.contextmanager
def served(pages: Mapping[str, Path | str], watch: _Watch) -> Iterator[str]:
    """Serve `pages` by path on a loopback port; yield the URL as the guest sees it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].lstrip("/")
            watch.note(name)
            page = pages.get(name)
            body = page.read_bytes() if isinstance(page, Path) else (page or "").encode()
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://10.0.2.2:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def qemu(folder: Path, machine: Machine, ssh_port: int, *, disk: bool = True) -> list[str]:
    """Return the command of a machine that boots by network once, its console on stdout."""
    drive = f"if=none,id=d0,file={folder}/disk.qcow2,format=qcow2,cache=unsafe,discard=unmap"
    net = f"user,id=n0,tftp={folder}/tftp,bootfile=boot.ipxe"
    words = [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off"),
        *("-smp", str(machine.processors), "-m", str(machine.memory), "-M", "q35,graphics=off"),
        *("-display", "none", "-nodefaults", "-serial", "stdio"),
        *("-netdev", f"{net},hostfwd=tcp:127.0.0.1:{ssh_port}-:22"),
        *("-device", f"virtio-net-pci,netdev=n0,mac={MAC}"),
        *("-device", "virtio-rng-pci", "-boot", "once=n,order=c"),
    ]
    if disk:
        words += ["-drive", drive, "-device", "virtio-blk-pci,drive=d0"]
    return words


def install(
    folder: Path,
    installer: Installer,
    answers: Callable[[str], str],
    *,
    machine: Machine | None = None,
    seconds: float = 2400,
    until: str = "ssh",
    pages: Mapping[str, Path | str] | None = None,
    disk: bool = True,
) -> Phases:
    """Install one machine, whose `answers` are made from the URL that it reaches us by.

    Its console is kept in `console.log` of `folder`. Raises `Stuck` after `seconds`.
    """
    machine = machine or Machine()
    watch = _Watch()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tftp").mkdir(parents=True)
    create = ["qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/disk.qcow2", machine.disk]
    subprocess.run(create, check=True, timeout=30)
    key = folder / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30
    )
    given: dict[str, Path | str] = {
        "linux": installer.kernel,
        "initrd.gz": installer.initrd,
        "authorized_keys": key.with_suffix(".pub"),
        "arrived": "welcome\n",
    }
    with served(given, watch) as url:
        given["preseed.cfg"] = answers(url)
        given |= pages or {}
        for gone in [name for name, page in given.items() if page == ""]:
            del given[gone]
        arguments = machine.arguments.format(url=url)
        (folder / "tftp/boot.ipxe").write_text(_SCRIPT.format(url=url, arguments=arguments))
        with _running(qemu(folder, machine, port := _free(), disk=disk), folder, watch) as process:
            _wait(process, watch, port, until, seconds, folder)
            processor = _processor(process.pid)
    disk_bytes = (folder / "disk.qcow2").stat().st_blocks * 512
    return Phases(seconds=dict(watch.seen), processor=processor, disk=disk_bytes)


@contextlib.contextmanager
def _running(command: list[str], folder: Path, watch: _Watch) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "command").write_text(" ".join(command) + "\n")
    watch.start = time.monotonic()
    with (folder / "console.log").open("wb") as console:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=console)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait(
    process: subprocess.Popen[bytes],
    watch: _Watch,
    port: int,
    until: str,
    seconds: float,
    folder: Path,
) -> None:
    while until not in watch.seen:
        text = (folder / "console.log").read_bytes().decode(errors="replace")
        for name, mark in _MARKS:
            if mark in text:
                watch.note(name)
        if "arrived" in watch.seen and _banner(port):
            watch.note("ssh")
        if process.poll() is not None or time.monotonic() - watch.start > seconds:
            raise Stuck(f"{watch.seen}\n{text[-2000:]}")
        time.sleep(0.5)


def _banner(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as line:
        line.settimeout(2)
        return line.recv(4) == b"SSH-"
    return False


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100

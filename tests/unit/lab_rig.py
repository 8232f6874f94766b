"""A live lab for tests: its boot server, its tools, one machine at a time."""

import http.server
import json
import math
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from orchestrator.lab import box
from orchestrator.lab.faults import Fault, Setting, clear_fault, set_fault
from orchestrator.lab.labdir import COOKIE, NodeDir, lab_hash
from orchestrator.lab.processes import bearers
from orchestrator.model.node import Node

PRESEED = """#_preseed_V1
# answers of the test
d-i time/zone string Etc/UTC
d-i mirror/http/hostname string deb.example
d-i passwd/make-user boolean false
d-i partman-auto/method string regular
d-i partman/confirm boolean true
d-i grub-installer/bootdev string /dev/vda
d-i finish-install/reboot_in_progress note
d-i preseed/late_command string home=/target/root; mkdir -p -m 700 $home/.ssh; \\
  wget -q -O $home/.ssh/authorized_keys {url}/authorized_keys && \\
  in-target sh -c 'echo made > /root/by-late-command' && \\
  wget -q -O /dev/null --post-data="$(cat /target/etc/ssh/ssh_host_ed25519_key.pub)" {url}/home
"""
SCRIPT = """#!ipxe
set base {url}
kernel ${{base}}/linux auto=true preseed/url=${{base}}/preseed.cfg hostname=${{net0/mac}}
initrd ${{base}}/initrd.gz
boot
"""

# One IPMI client call in a process of its own: pyghmi can hang, and holds global state.
CLIENT = """
import json, sys
from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.command import Command
ask = json.load(sys.stdin)
try:
    bmc = Command(bmc=ask["address"], userid=ask["user"], password=ask["password"],
                  port=ask["port"], keepalive=False)
    answer = getattr(bmc, ask["verb"])(*ask["arguments"])
    if ask["verb"] == "get_sensor_data":
        answer = {reading.name: reading.value for reading in answer}
    elif ask["verb"] == "get_health":
        answer = {"health": answer["health"]}
    elif ask["verb"] == "raw_command":
        answer = {"code": answer["code"]}
    answer = answer if isinstance(answer, dict) else {"answer": answer}
    answer.pop("bmc", None)
    print(json.dumps(answer))
except IpmiException as error:
    print(json.dumps({"error": str(error)}))
"""


@dataclass
class BootServer:
    """What the orchestrator's boot server would serve; the tests change it."""

    url: str = ""
    key: str = ""
    script: str | None = None
    preseed: str = ""
    called_home: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def usual(self) -> None:
        self.script = SCRIPT.format(url=self.url)
        self.preseed = PRESEED.format(url=self.url)
        self.called_home.clear()
        self.fetched.clear()

    def answer(self, path: str) -> bytes | None:
        self.fetched.append(path)
        pages = {
            "/ipxe": self.script,
            "/linux": "kernel",
            "/initrd.gz": "initrd",
            "/preseed.cfg": self.preseed,
            "/authorized_keys": self.key,
        }
        page = pages.get(urlsplit(path).path)
        return None if page is None else page.encode()


@contextmanager
def boot_server() -> Iterator[BootServer]:
    state = BootServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = state.answer(self.path)
            self.send_response(200 if page is not None else 404)
            self.end_headers()
            self.wfile.write(page or b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.called_home.append(body.decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        yield state
    finally:
        listener.shutdown()
        listener.server_close()


@dataclass(frozen=True)
class Rig:
    """One machine, and the tools to handle it."""

    node: Node
    folder: NodeDir
    server: BootServer
    identity: Path

    def ipmi(self, verb: str, *arguments: object, **changes: object) -> dict[str, object]:
        bmc = self.node.bmc
        ask = {
            "address": bmc.address,
            "port": bmc.port,
            "user": bmc.user,
            "password": bmc.password.reveal(),
            "verb": verb,
            "arguments": arguments,
            **changes,
        }
        said = subprocess.run(
            [sys.executable, "-c", CLIENT],
            input=json.dumps(ask),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        answer: dict[str, object] = json.loads(said.stdout)
        return answer

    def power(self) -> object:
        return self.ipmi("get_power").get("powerstate")

    def boot(self, device: str = "network") -> None:
        self.ipmi("set_power", "off")
        self.ipmi("set_bootdev", device)
        self.ipmi("set_power", "on")

    def console(self) -> str:
        return self.folder.console.read_text() if self.folder.console.exists() else ""

    def wait_console(self, text: str) -> str:
        wait(lambda: text in self.console(), f"{text!r} on the console of {self.node.name}")
        return self.console()

    def install(self) -> None:
        self.boot()
        self.wait_console("login:")

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        known = self.folder.root / "known_hosts"
        host_key = " ".join(self.server.called_home[-1].split()[:2])
        known.write_text(f"[{self.node.address}]:{self.node.ssh_port} {host_key}\n")
        options = [f"UserKnownHostsFile={known}", "StrictHostKeyChecking=yes", "BatchMode=yes"]
        words = [word for option in options for word in ("-o", option)]
        where = ["-p", str(self.node.ssh_port), f"{self.node.ssh_user}@{self.node.address}"]
        return subprocess.run(
            ["ssh", "-F", "/dev/null", "-i", self.identity, *words, *where, command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def witnessed(self) -> list[str]:
        lines = self.folder.commands.read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert all(datetime.fromisoformat(record["at"]).tzinfo for record in records)
        return [record.get("command") or record["event"] for record in records]

    def break_it(self, fault: Fault, chance: float = 1.0) -> None:
        set_fault(self.folder.faults, Setting(fault=fault, chance=chance))


@dataclass(frozen=True)
class Live:
    """A running lab of two machines."""

    lab: box.Box
    server: BootServer
    identity: Path

    @contextmanager
    def rig(self) -> Iterator[Rig]:
        """Give the first machine, sound and switched off, and leave it so."""
        self.server.usual()
        node = self.lab.nodes()[0]
        folder = self.lab.node_dir(node.name)
        rig = Rig(node=node, folder=folder, server=self.server, identity=self.identity)
        clear_fault(rig.folder.faults)
        yield rig
        clear_fault(rig.folder.faults)
        if self.lab.alive():
            rig.ipmi("set_power", "off")


@contextmanager
def live(folder: Path) -> Iterator[Live]:
    """Run a lab in `folder`; nothing of it may be left when it has stopped."""
    identity = new_key(folder / "id")
    with boot_server() as server:
        server.key = identity.with_suffix(".pub").read_text()
        lab = box.start(folder, nodes=2, speed=math.inf, boot_url=server.url)
        try:
            yield Live(lab=lab, server=server, identity=identity)
        finally:
            lab.stop()
    assert not lab.alive()
    assert bearers(COOKIE, lambda value: value.startswith(lab_hash(folder))) == set()


def new_key(path: Path) -> Path:
    """Make an SSH key pair."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def sleeps(mark: str) -> list[int]:
    """Return the processes `sleep MARK`."""
    found = (p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"])
    return [p.pid for p in found if p.info["cmdline"] == ["sleep", mark]]


def wait(condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.02)


class Stutter:
    """A network that delivers each of a client's requests to a BMC twice."""

    #: authentication type and payload type of IPMI after the login: authenticated, encrypted
    REQUEST = 0xC0

    def __init__(self, bmc: tuple[str, int]) -> None:
        self.bmc = bmc
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.relay)

    def relay(self) -> None:
        client = ("", 0)
        while not self.over.is_set():
            ready = select.select([self.near, self.far], [], [], 0.05)[0]
            if self.near in ready:
                packet, client = self.near.recvfrom(3000)
                for _ in range(2 if packet[5] == self.REQUEST else 1):
                    self.far.sendto(packet, self.bmc)
            if self.far in ready:
                self.near.sendto(self.far.recv(3000), client)

    def __enter__(self) -> "Stutter":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.near.close()
        self.far.close()

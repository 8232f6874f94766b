"""An emulated machine that FAI installs, and the server that it boots from: QEMU and HTTP."""

import re
import shutil
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

#: program that is run, and the Debian package that has it
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "zstd": "zstd",
    "ssh-keygen": "openssh-client",
}
#: what the console shows of an install, in its order
_SHOWN = re.compile(r"FAI root: \w+|Calling task_\w+|Executing +shell: \S+|FATAL ERROR|login:")
_ALWAYS = (
    *("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off", "-smp", "2", "-m", "1024"),
    *("-M", "q35", "-display", "none", "-nodefaults", "-no-reboot", "-device", "virtio-rng-pci"),
)


def missing() -> list[str]:
    """Return the Debian packages that are not installed."""
    return [package for program, package in PROGRAMS.items() if not shutil.which(program)]


class Server:
    """Serves texts and files below `/boot/TOKEN`, notes when each was first asked for."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.files: dict[str, Path] = {}
        self.host_key = ""
        self.asked: dict[str, float] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        #: as the guest sees it
        self.url = f"http://10.0.2.2:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                name = path.rpartition("/boot/")[2].partition("/")[2] or path.rpartition("/")[2]
                server.asked.setdefault(name, time.monotonic())
                if name == "arrived":
                    server.host_key = urllib.parse.parse_qs(query)["ssh"][0]
                    return self._send(b"welcome\n")
                if name in server.texts:
                    return self._send(server.texts[name].encode())
                if name in server.files:
                    return self._send(server.files[name].read_bytes())
                return self.send_error(404)

            def _send(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class Machine:
    """One QEMU machine with an empty disk, a console that is kept, and SSH by a forwarded port."""

    def __init__(self, folder: Path, mac: str, server: Server, ssh_port: int) -> None:
        self.console = folder / "console.log"
        self.ssh_port = ssh_port
        self._folder = folder
        self._mac = mac
        self._process: subprocess.Popen[bytes] | None = None
        #: seconds since the first power-on at which the console first showed something
        self.shown: dict[str, float] = {}
        self._began = 0.0
        (folder / "tftp").mkdir()
        script = f"#!ipxe\nchain {server.url}/boot/ipxe?mac=${{net0/mac}}\n"
        (folder / "tftp" / "boot.ipxe").write_text(script)
        disk = ["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "disk"), "8G"]
        subprocess.run(disk, check=True, timeout=60)

    def power_on(self, *, network: bool) -> None:
        self._began = self._began or time.monotonic()
        user = f"user,id=n0,tftp={self._folder / 'tftp'},bootfile=boot.ipxe"
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"
        drive = f"if=none,id=d0,file={self._folder / 'disk'},format=qcow2,cache=unsafe"
        command = [
            *("qemu-system-x86_64", *_ALWAYS, "-boot", "order=n" if network else "order=c"),
            *("-drive", drive, "-device", "virtio-blk-pci,drive=d0"),
            *("-netdev", f"{user},{forward}"),
            *("-device", f"virtio-net-pci,netdev=n0,mac={self._mac}"),
            *("-chardev", f"file,id=s0,path={self.console},append=on", "-serial", "chardev:s0"),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def power_off(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def wait_until(self, what: str, seconds: float) -> bool:
        """Wait for `what` on the console, or until the machine ends: return whether it ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = self._process is None or self._process.poll() is not None
            said = self.said()
            for found in _SHOWN.findall(said):
                self.shown.setdefault(found, time.monotonic() - self._began)
            if ended or (what and what in said):
                return ended
            time.sleep(0.5)
        raise TimeoutError(f"no {what!r} in {seconds:.0f} s; it said last: {self.said()[-400:]}")

    def said(self) -> str:
        return self.console.read_text(errors="replace") if self.console.exists() else ""


def ssh(folder: Path, port: int, host_key: str, command: str, seconds: float) -> str:
    """Return what `command` prints there, once the host with that key lets our key in."""
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {host_key}\n")
    options: Mapping[str, str] = {
        "UserKnownHostsFile": str(known),
        "HostKeyAlgorithms": "ssh-ed25519",
        "BatchMode": "yes",
        "ConnectTimeout": "10",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    login = ["ssh", "-i", str(folder / "key"), "-p", str(port), *words, "root@127.0.0.1", command]
    end = time.monotonic() + seconds
    while True:
        done = subprocess.run(login, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > end:
            raise TimeoutError(f"no SSH in {seconds:.0f} s: {done.stderr}")
        time.sleep(1)

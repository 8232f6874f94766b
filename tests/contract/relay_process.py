"""A relay strip for the contract suites: one outlet, which feeds a real process.

Reads one JSON line from stdin: {"folder", "user", "password", "address", "port"}. A TCP client
sends one line, `USER PASSWORD power|boot [VALUE]`, and gets one: the state, or `ok`.
"""

import json
import os
import socketserver
import struct
import subprocess
import sys
import threading
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

HANG_UP = struct.pack("ii", 1, 0)


class Strip(socketserver.ThreadingTCPServer):
    """The strip: switching the outlet on starts the process, switching it off kills it."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, order: dict[str, str], port: int) -> None:
        super().__init__((order["address"], port), Line)
        self.login = [order["user"], order["password"]]
        self.folder = Path(order["folder"])
        self.lock = threading.Lock()
        self.load: subprocess.Popen[bytes] | None = None
        self.boot = ""

    def read(self, what: str) -> str:
        if what == "boot":
            return self.boot
        return "on" if self.load and self.load.poll() is None else "off"

    def write(self, what: str, value: str) -> None:
        with (self.folder / "commands").open("a") as file:
            file.write(f"{what} {value}\n")
        if (self.folder / "fault").exists():
            return
        if what == "boot":
            self.boot = value
        elif value == "on" and not self.load:
            self.load = subprocess.Popen(["sleep", "1000"])
        elif value == "off" and self.load:
            self.load.kill()
            self.load.wait()
            self.load = None
        (self.folder / what).write_text(self.read(what))


class Line(socketserver.StreamRequestHandler):
    """One client's one line."""

    server: Strip

    def handle(self) -> None:
        words = self.rfile.readline().decode().split()
        if words[:2] != self.server.login:
            self.request.setsockopt(SOL_SOCKET, SO_LINGER, HANG_UP)
            self.request.close()
            return
        with self.server.lock:
            if len(words) > 3:
                self.server.write(words[2], words[3])
                answer = "ok"
            else:
                answer = self.server.read(words[2])
        self.wfile.write(f"{answer}\n".encode())

    def finish(self) -> None:
        if self.request.fileno() >= 0:
            super().finish()


def main() -> None:
    order = json.loads(sys.stdin.readline())
    strip = Strip(order, int(order["port"]))
    (strip.folder / "pid").write_text(str(os.getpid()))
    threading.Thread(target=strip.serve_forever, daemon=True).start()
    (strip.folder / "ready").touch()
    sys.stdin.read()  # until the test ends
    strip.write("power", "off")


if __name__ == "__main__":
    main()

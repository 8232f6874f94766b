"""A machine's BMC that speaks Redfish, for the contract suites: the emulator behind a door.

`python redfish_process.py` reads one JSON line from stdin: {"folder", "user", "password",
"address", "port", "behind", "systems", "pace", "certificate"}. It starts sushy-tools'
`sushy-emulator --fake` on port `behind` and, on `port`, a door that adds what the emulator lacks:
sessions, a firmware version, a list of the commands that came by (`commands`), of the logins that
are open (`sessions`), faults (`fault`), an account service if there are `accounts` (JSON, a list).
"""

import base64
import ctypes
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import threading
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import bcrypt
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems import fakedriver

ROOT = "/redfish/v1/"
SESSIONS = f"{ROOT}SessionService/Sessions"
SERVICE = f"{ROOT}AccountService"
ACCOUNTS = f"{SERVICE}/Accounts"
FIRMWARE = "7.10.30"
RESETS = {"On": "power on", "ForceOff": "power off"}
SOURCES = {"Pxe": "boot network", "Hdd": "boot disk"}


class NoDice:
    """In place of `random`: the emulated machine switches at once, not after 0 to 11 s."""

    @staticmethod
    def randint(_least: int, _most: int) -> int:
        return 0


class Door(ThreadingHTTPServer):
    """What clients connect to."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, order: dict[str, str]) -> None:
        super().__init__((order["address"], int(order["port"])), Visit)
        self.folder = Path(order["folder"])
        self.login = {"UserName": order["user"], "Password": order["password"]}
        self.behind = (order["address"], int(order["behind"]))
        pair = f"{order['user']}:{order['password']}".encode()
        self.basic = f"Basic {base64.b64encode(pair).decode()}"
        self.tokens: dict[str, str] = {}
        self.lock = threading.Lock()
        if order["certificate"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(order["certificate"])
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def fault(self) -> str:
        file = self.folder / "fault"
        return file.read_text() if file.exists() else ""

    def accounts(self) -> list[dict[str, object]]:
        file = self.folder / "accounts"
        return list(json.loads(file.read_text())) if file.exists() else []

    def note(self, line: str) -> None:
        with self.lock, (self.folder / "commands").open("a") as file:
            file.write(line + "\n")

    def open_session(self, login: dict[str, str]) -> tuple[str, str] | None:
        if login != self.login:
            return None
        name, token = secrets.token_hex(4), secrets.token_hex(16)
        with self.lock:
            self.tokens[token] = name
            self._keep()
        return name, token

    def close_session(self, name: str) -> None:
        with self.lock:
            self.tokens = {token: kept for token, kept in self.tokens.items() if kept != name}
            self._keep()

    def _keep(self) -> None:
        draft = self.folder / "sessions.new"
        draft.write_text("".join(f"{name}\n" for name in self.tokens.values()))
        draft.rename(self.folder / "sessions")

    def handle_error(self, *_of: object) -> None:
        """Say nothing: clients that vanish are what is tested."""


class Visit(BaseHTTPRequestHandler):
    """One request."""

    server: Door

    def log_message(self, *_line: object) -> None:
        """Keep the terminal clean."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        token = self.headers["X-Auth-Token"]
        if self.path == SESSIONS:
            self._log_in(body)
        elif token is not None and token not in self.server.tokens:
            self._answer(401)
        elif self.path.startswith(f"{SESSIONS}/"):
            self.server.close_session(self.path.rpartition("/")[2])
            self._answer(204)
        elif self.path.startswith(SERVICE):
            self._tell_accounts()
        elif body and self._note(json.loads(body)):
            self._answer(*self._wrong())
        else:
            self._pass(body)

    def _log_in(self, body: bytes) -> None:
        session = self.server.open_session(json.loads(body))
        if not session:
            self._answer(401)
            return
        name, token = session
        self._answer(201, {"Location": f"{SESSIONS}/{name}", "X-Auth-Token": token})

    def _tell_accounts(self) -> None:
        accounts = self.server.accounts()
        paths = [f"{ACCOUNTS}/{number}" for number, _ in enumerate(accounts, 1)]
        found = {
            SERVICE: {"Accounts": {"@odata.id": ACCOUNTS}},
            ACCOUNTS: {"Members": [{"@odata.id": path} for path in paths]},
            **dict(zip(paths, accounts, strict=True)),
        }
        if self.headers["X-Auth-Token"] and self.path in found:
            body = json.dumps(found[self.path]).encode()
            self._answer(200, {"Content-Type": "application/json"}, body)
        else:
            self._answer(401 if self.path in found else 404)

    def _note(self, wish: dict[str, dict[str, str] | str]) -> bool:
        """Note a command; return whether a fault keeps it from the machine."""
        boot = wish.get("Boot", {})
        assert isinstance(boot, dict)
        line = RESETS.get(str(wish.get("ResetType"))) or SOURCES[boot["BootSourceOverrideTarget"]]
        self.server.note(line)
        return self.server.fault() in {"lying", "busy", "busy once"}

    def _wrong(self) -> tuple[int]:
        fault = self.server.fault()
        if fault == "busy once":
            (self.server.folder / "fault").unlink()
        return (204,) if fault == "lying" else (503,)

    def _pass(self, body: bytes) -> None:
        inside = HTTPConnection(*self.server.behind, timeout=30)
        known = self.headers["X-Auth-Token"] in self.server.tokens
        login = self.server.basic if known else self.headers["Authorization"]
        headers = {"Content-Type": "application/json"} | ({"Authorization": login} if login else {})
        inside.request(self.command, self.path, body, headers)
        response = inside.getresponse()
        if body and self.server.fault() == "answer lost":
            (self.server.folder / "fault").unlink()
            self.connection.close()
            return
        self._relay(response)

    def _relay(self, response: HTTPResponse) -> None:
        body = response.read()
        if self.path == ROOT and self.server.fault() != "no sessions":
            root = json.loads(body)
            if self.server.accounts():
                root["AccountService"] = {"@odata.id": SERVICE}
            root["Links"] = {"Sessions": {"@odata.id": SESSIONS}}
            body = json.dumps(root).encode()
        if self.path.startswith(f"{ROOT}Managers/") and response.status == HTTPStatus.OK:
            body = json.dumps({**json.loads(body), "FirmwareVersion": FIRMWARE}).encode()
        if self.server.fault() == "starting":
            body = body.replace(b'"PowerState": "On"', b'"PowerState": null')
            body = body.replace(b'"PowerState": "Off"', b'"PowerState": null')
        self._answer(response.status, {"Content-Type": "application/json"}, body)

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def emulate(order: dict[str, str]) -> None:
    """Start sushy-tools' emulator; return once it answers."""
    folder = Path(order["folder"])
    hashed = bcrypt.hashpw(order["password"].encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{order['user']}:{hashed}\n")
    (folder / "state").mkdir()
    settings = {
        "LISTEN_IP": order["address"],
        "LISTEN_PORT": int(order["behind"]),
        "STATE_DIR": str(folder / "state"),
        "AUTH_FILE": str(folder / "htpasswd"),
        "FEATURE_SET": "vmedia",
        "FAKE_DRIVER": True,
        "FAKE_SYSTEMS": order["systems"],
    }
    lines = [f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in settings.items()]
    (folder / "emulator.conf").write_text("".join(lines))
    command = [sys.executable, __file__, order["pace"], "--config", "emulator.conf", "--fake"]
    with (folder / "emulator.log").open("w") as log:
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=mortal
        )
    while not answers(f"http://{order['address']}:{order['behind']}{ROOT}"):
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310  # ours
            return bool(response.status == 200)
    except URLError:
        return False


def mortal() -> None:
    """Have this process killed when its parent dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main() -> None:
    if sys.argv[1:]:
        if sys.argv.pop(1) == "brisk":
            fakedriver.random = NoDice
        sys.exit(emulator.main())
    order = json.loads(sys.stdin.readline())
    emulate(order)
    door = Door(order)
    (door.folder / "pid").write_text(str(os.getpid()))
    threading.Thread(target=door.serve_forever, daemon=True).start()
    (door.folder / "ready").touch()
    sys.stdin.read()  # until the test ends; the emulator ends with us


if __name__ == "__main__":
    main()

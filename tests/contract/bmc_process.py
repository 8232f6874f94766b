"""A machine's BMC for the contract suites: a process that answers IPMI 2.0, with faults to set.

`python bmc_process.py` reads one JSON line from stdin: {"folder", "user", "password", "address",
"ports"} and forks one BMC per port, each keeping its state in files of `folder/<port>/`:
`power`, `boot`, `commands` (one line per command that changes something), `fault` (what it should
do wrong, written by the test), `print` (bytes that the machine prints on its serial line).
"""

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

from pyghmi.ipmi import bmc, command
from pyghmi.ipmi.private import serversession, session

BUSY = 0xC0
UNKNOWN_COMMAND = 0xC1
PARAMETER_UNKNOWN = 0x80
NOT_NOW = 0xD5


class Server(serversession.ServerSession):
    """pyghmi's server side, which answers SHA-1 whatever was asked, made to refuse cleanly."""

    _customkeepalives = None  # absent upstream: a client that vanishes would kill the BMC

    def create_open_session_response(self, request: bytearray) -> bytearray:
        if request[12] in {0, 1}:
            return super().create_open_session_response(request)
        self.clientsessionid = request[4:8]
        self.managedsessionid = bytes(4)
        self.privlevel = 4
        return bytearray([request[0], 4, 0, 0]) + self.clientsessionid


class Machine(bmc.Bmc):
    """A BMC and the machine behind it, kept in the files of a folder."""

    def __init__(self, folder: Path, login: dict[str, str], address: str, port: int) -> None:
        super().__init__(login, port=port, address=address)
        self.folder = folder
        self.printed = 0
        self.iohandler = self._typed
        self.logins = 0

    def fault(self) -> str:
        file = self.folder / "fault"
        return file.read_text() if file.exists() else ""

    def note(self, line: str) -> None:
        with (self.folder / "commands").open("a") as file:
            file.write(line + "\n")

    def get_power_state(self) -> str:
        due, _, state = (self.folder / "power").read_text().partition(" ")
        return state if time.time() >= float(due) else {"on": "off", "off": "on"}[state]

    def power_on(self) -> int:
        return self._power("on")

    def power_off(self) -> int:
        return self._power("off")

    def _power(self, state: str) -> int:
        self.note(f"power {state}")
        fault = self.fault()
        if fault == "busy once":
            (self.folder / "fault").unlink()
        if fault.startswith("busy"):
            return BUSY
        if fault == "crashes off":
            replace(self.folder / "power", "0 off")
            return NOT_NOW
        delay = 1.5 if fault == "slow" else 0
        if fault != "lying":
            replace(self.folder / "power", f"{time.time() + delay} {state}")
        return 0

    def get_boot_device(self) -> int:
        return int((self.folder / "boot").read_text())

    def set_system_boot_options(self, request: dict[str, bytes], client: Server) -> None:
        """Note what pyghmi drops: the expiry of the flags (3), and the flags themselves (5)."""
        data = bytes(request["data"])
        if data[0] == 3 and self.fault() == "no expiry":
            client.send_ipmi_response(code=PARAMETER_UNKNOWN)
            return
        with (self.folder / "options").open("a") as file:
            file.write(data.hex(" ") + "\n")
        super().set_system_boot_options(request, client)

    def set_boot_device(self, bootdevice: str) -> None:
        self.note(f"boot {bootdevice}")
        if self.fault() != "lying":
            replace(self.folder / "boot", str(command.boot_devices[bootdevice]))

    def is_active(self) -> bool:
        return self.fault() != "no sol"

    def _typed(self, data: object) -> None:
        """Take what the console's reader sends; it sends nothing."""

    def handle_raw_request(self, request: dict[str, int], client: Server) -> None:
        if self.fault() == "raises":
            raise SystemExit(self.port)
        if (request["netfn"], request["command"]) == (6, 0x4B) and self.fault() != "plain":
            owner = self.sol.ipmi_session.localsid if self.sol and not self.sol.broken else 0
            client.send_ipmi_response(data=list(owner.to_bytes(4, "little")) + [0] * 8)
            return
        super().handle_raw_request(request, client)

    def print(self) -> None:
        """Send what was printed since to whoever reads the console."""
        if self.sol and (self.sol.broken or self.fault() == "drop sol"):
            self.sol, self.activated = None, False
        text = (self.folder / "print").read_bytes()[self.printed :]
        if self.sol and text and not self.sol.awaitingack:
            self.printed += len(text)
            self.sol.maxoutcount = 255  # upstream says 256, which its own client cannot acknowledge
            self.sol.send_data(text)


def replace(file: Path, text: str) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.rename(file)


def serve(folder: Path, login: dict[str, str], address: str, port: int) -> None:
    folder.mkdir()
    (folder / "power").write_text("0 off")
    (folder / "boot").write_text("0")
    (folder / "print").touch()
    (folder / "commands").touch()
    machine = Machine(folder, login, address, port)
    (folder / "pid").write_text(str(os.getpid()))
    replace(folder / "ready", "")
    while True:
        session.Session.wait_for_rsp(0.1)
        machine.print()


def main() -> None:
    order = json.loads(sys.stdin.readline())
    serversession.ServerSession = Server
    for port in order["ports"]:
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            login = {order["user"]: order["password"]}
            serve(Path(order["folder"], str(port)), login, order["address"], port)
    sys.stdin.read()  # until the test ends; the BMCs end with us


if __name__ == "__main__":
    main()

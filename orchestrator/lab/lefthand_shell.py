"""The simulated array's SSH server: a command line in, XML out.

`python -m orchestrator.lab.lefthand_shell FOLDER ADDRESS [FD]` serves until it is ended, on a
socket that it is handed or on one of its own.
"""

import logging
import socket
import sys
import threading
from pathlib import Path

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from orchestrator.lab.addresses import LEFTHAND_PORT as PORT
from orchestrator.lab.lefthand import Array
from orchestrator.lab.lefthand_target import Tgt, installed

#: how everybody logs in to the simulator: it holds nothing, and listens on loopback
USER, PASSWORD = "manager", "lefthand"
_LONGEST_SECONDS = 30.0


class _Wire(paramiko.Transport):
    """A connection that tells when a message of ours went out."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the connection."""
        super().__init__(connection)
        self.sent = threading.Event()

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]  # the one place that sends
        self.sent.set()


class _Session(paramiko.ServerInterface):
    """One connection: a password, then commands."""

    def __init__(self, array: Array, wire: _Wire) -> None:
        """Take what answers, and where."""
        self._array = array
        self._wire = wire

    def get_allowed_auths(self, _username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        known = (username, password) == (USER, PASSWORD)
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, _chanid: int) -> int:
        refused = OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        return OPEN_SUCCEEDED if kind == "session" else refused

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._wire.sent.clear()
        threading.Thread(target=self._answer, args=(channel, command), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        # Only after the request was granted, else the client takes us for gone.
        self._wire.sent.wait(_LONGEST_SECONDS)
        try:
            channel.sendall(self._array.run(command.decode(errors="replace")).encode())
            channel.send_exit_status(0)
        except OSError:
            logging.getLogger(__name__).info("somebody hung up before the answer")
        finally:
            channel.close()


def serve(listener: socket.socket, array: Array, key: paramiko.PKey) -> None:
    """Answer every connection until the socket is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(connection, array, key), daemon=True).start()


def _talk(connection: socket.socket, array: Array, key: paramiko.PKey) -> None:
    with connection, _Wire(connection) as transport:
        transport.add_server_key(key)
        session = _Session(array, transport)
        try:
            transport.start_server(server=session)
        except (paramiko.SSHException, EOFError, OSError):
            return
        transport.join(_LONGEST_SECONDS)


def host_key(folder: Path) -> paramiko.PKey:
    """Return the array's host key, made once."""
    path = folder / "host_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        paramiko.ECDSAKey.generate().write_private_key_file(str(draft))
        draft.rename(path)
    return paramiko.ECDSAKey.from_private_key_file(str(path))


def main(arguments: list[str]) -> int:
    """Serve an array; volumes are real iSCSI targets where this host has tgt."""
    folder, address = Path(arguments[0]), arguments[1]
    handed = arguments[2:]
    listener = (
        socket.socket(fileno=int(handed[0]))
        if handed
        else socket.create_server((address, PORT), backlog=64)
    )
    # Our parent is the lab's supervisor: with it ends the lab, and tgtd with us.
    targets = Tgt(folder / "targets", address) if installed() else None
    said = f"iSCSI at {address}" if targets else "no iSCSI: no tgt, or we are not root"
    sys.stderr.write(f"lefthand: an array answers at {address}:{PORT}; {said}\n")
    serve(listener, Array(targets), host_key(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

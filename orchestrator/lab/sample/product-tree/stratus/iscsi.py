"""An iSCSI log-in (RFC 7143): is the target there, and does it let this initiator in?"""

import socket
import struct

from stratus.web import Refused

_PORT = 3260
_SECONDS = 10.0
_HEADER = 48
#: immediate log-in request: to the end of the operational negotiation, straight to full features
_LOGIN, _TRANSIT = 0x43, 0x87
_ANSWER = 0x23


def log_in(portal: str, initiator: str, target: str) -> None:
    """Log in and hang up; raise `Refused` if the target does not let us in."""
    keys = {"InitiatorName": initiator, "TargetName": target, "SessionType": "Normal"}
    text = b"".join(f"{key}={value}\0".encode() for key, value in keys.items())
    header = struct.pack(
        ">BBBBB3s6sHIHHII16x",
        *(_LOGIN, _TRANSIT, 0, 0, 0),
        len(text).to_bytes(3, "big"),
        b"\x80\x00\x00\x00\x00\x01",
        *(0, 1, 0, 0, 1, 1),
    )
    padding = b"\0" * (-len(text) % 4)
    try:
        with socket.create_connection((portal, _PORT), timeout=_SECONDS) as connection:
            connection.sendall(header + text + padding)
            answer = _read(connection)
    except OSError as error:
        raise Refused(502, f"the target at {portal} does not answer: {error}") from error
    status = answer[36:38]
    if answer[0] & 0x3F != _ANSWER or status != b"\0\0":
        said = f"{status[0]}/{status[1]}"
        raise Refused(502, f"{target} at {portal} does not let {initiator} in (status {said})")


def _read(connection: socket.socket) -> bytes:
    found = b""
    while len(found) < _HEADER:
        more = connection.recv(_HEADER - len(found))
        if not more:
            raise OSError("it hung up in the middle of the log-in")
        found += more
    return found

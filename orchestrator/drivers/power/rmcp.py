"""One reading of a machine's power over IPMI 2.0 (RMCP+), as packets in and out.

Knows no socket and no clock, so that one loop can hold hundreds of conversations. It says less
than other clients: five exchanges, where asking for capabilities and raising the privilege make
seven. Any user may read the state, and the cipher suite is proposed rather than asked for.
"""

import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from orchestrator.model.node import Bmc

_RMCP = b"\x06\x00\xff\x07"
_PLUS = 0x06
_OPEN, _OPENED, _RAKP1, _RAKP2, _RAKP3, _RAKP4 = range(0x10, 0x16)
_SEALED = 0xC0
_BMC_ADDRESS, _OUR_ADDRESS = 0x20, 0x81
_CHASSIS, _APPLICATION = 0x00, 0x06
_GET_STATUS, _CLOSE_SESSION = 0x01, 0x3C
#: whom we ask to be: who may power a machine; looked up by name alone
_OPERATOR, _BY_NAME = 0x03, 0x10
_BLOCK = 16
#: what it says when it has no such algorithm: another suite may be had
_OTHER_SUITE = frozenset({0x04, 0x05, 0x10, 0x11})
_NO_RESOURCES, _NO_ROLE, _NO_USER, _NOT_GENUINE = 0x01, 0x09, 0x0D, 0x0F
_DENIED = frozenset({_NO_ROLE, _NO_USER, _NOT_GENUINE})


class Fate(StrEnum):
    """How a conversation ended."""

    READ = "read"
    #: the user or the password is wrong
    DENIED = "denied"
    #: it may be otherwise at the next try
    BUSY = "busy"
    #: it will not be
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suite:
    """A cipher suite: its hash, the codes of its algorithms, the bytes kept of a digest."""

    digest: str
    authentication: int
    integrity: int
    kept: int


#: suites 3 and 17, in the order in which they are proposed
_SUITES = (
    _Suite(digest="sha1", authentication=1, integrity=1, kept=12),
    _Suite(digest="sha256", authentication=3, integrity=4, kept=16),
)


class Conversation:
    """Reads the power state; `begin`, then `hear` each packet: both return what to send, if any."""

    def __init__(self, bmc: Bmc) -> None:
        """Prepare to log in as the BMC's user."""
        user = bmc.user.encode()
        self._key = bmc.password.reveal().encode()[:20].ljust(20, b"\0")
        self._role = bytes((_BY_NAME | _OPERATOR, len(user))) + user
        self._suites = list(_SUITES)
        self._suite = self._suites.pop(0)
        self._console = os.urandom(4)
        self._ours = os.urandom(16)
        self._managed = self._theirs = self._seal = self._cipher = b""
        self._sequence = 0
        self._awaits: Callable[[bytes], bytes] = self._opened
        self._kind = _OPENED
        self.fate: Fate | None = None
        self.on = False
        self.words = ""
        #: nothing more is to be said or heard
        self.over = False
        #: how far it came: the BMC answered something
        self.answered = False

    def begin(self) -> bytes:
        """Return the first packet."""
        suite = self._suite
        algorithms = ((0, suite.authentication), (1, suite.integrity), (2, 1))
        wanted = b"".join(bytes((kind, 0, 0, 8, code, 0, 0, 0)) for kind, code in algorithms)
        self._awaits, self._kind = self._opened, _OPENED
        return _plain(_OPEN, bytes(4) + self._console + wanted)

    def hear(self, packet: bytes) -> bytes:
        """Return what to answer to a packet; nothing to what is not for us, or the end."""
        if len(packet) < 16 or packet[:5] != _RMCP + bytes((_PLUS,)) or packet[5] != self._kind:
            return b""
        length = int.from_bytes(packet[14:16], "little")
        payload = packet[16 : 16 + length]
        try:
            if self._kind == _SEALED:
                return self._awaits(self._unsealed(packet, payload))
            self.answered = True
            status = payload[1]
            return self._turned_away(status) if status else self._awaits(payload)
        except (IndexError, ValueError):
            return b""  # mutilated, or an earlier one that came late

    def _turned_away(self, status: int) -> bytes:
        if self._kind == _OPENED and status in _OTHER_SUITE and self._suites:
            self._suite = self._suites.pop(0)
            return self.begin()
        fate = Fate.DENIED if status in _DENIED else Fate.REFUSED
        said = {_NO_USER: "no such user", _NOT_GENUINE: "wrong password"}
        words = said.get(status, f"login refused with status 0x{status:02x}")
        return self._end(Fate.BUSY if status == _NO_RESOURCES else fate, words)

    def _opened(self, payload: bytes) -> bytes:
        if payload[4:8] != self._console:
            return b""
        self._managed = payload[8:12]
        self._awaits, self._kind = self._challenged, _RAKP2
        user = self._role[2:]
        role = bytes((self._role[0], 0, 0, len(user)))
        return _plain(_RAKP1, bytes(4) + self._managed + self._ours + role + user)

    def _challenged(self, payload: bytes) -> bytes:
        self._theirs, guid = payload[8:24], payload[24:40]
        known = self._console + self._managed + self._ours + self._theirs + guid + self._role
        if not hmac.compare_digest(payload[40:], self._digest(self._key, known)):
            return self._end(Fate.DENIED, "wrong password")
        master = self._digest(self._key, self._ours + self._theirs + self._role)
        self._seal = self._digest(master, b"\x01" * 20)
        self._cipher = self._digest(master, b"\x02" * 20)[:_BLOCK]
        proof = self._digest(self._key, self._theirs + self._console + self._role)
        self._awaits, self._kind = self._let_in, _RAKP4
        return _plain(_RAKP3, bytes(4) + self._managed + proof)

    def _let_in(self, _payload: bytes) -> bytes:
        self._awaits, self._kind = self._told, _SEALED
        return self._sealed(_CHASSIS, _GET_STATUS)

    def _told(self, message: bytes) -> bytes:
        if message[5] != _GET_STATUS:
            return b""
        code = message[6]
        self.fate = Fate.REFUSED if code else Fate.READ
        self.words = f"power status refused with code 0x{code:02x}" if code else ""
        self.on = not code and bool(message[7] & 1)
        self._awaits = self._closed
        return self._sealed(_APPLICATION, _CLOSE_SESSION, self._managed)

    def _closed(self, message: bytes) -> bytes:
        self.over = message[5] == _CLOSE_SESSION
        return b""

    def _end(self, fate: Fate, words: str) -> bytes:
        self.fate, self.words, self.over = fate, words, True
        return b""

    def _digest(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._suite.digest)

    def _sealed(self, function: int, command: int, data: bytes = b"") -> bytes:
        """Return a command as an encrypted and authenticated packet."""
        self._sequence += 1
        head = bytes((_BMC_ADDRESS, function << 2))
        body = bytes((_OUR_ADDRESS, self._sequence << 2, command)) + data
        message = head + _checksum(head) + body + _checksum(body)
        pad = -(len(message) + 1) % _BLOCK
        start = os.urandom(_BLOCK)
        encryptor = Cipher(AES(self._cipher), CBC(start)).encryptor()
        trailer = bytes((*range(1, pad + 1), pad))
        payload = start + encryptor.update(message + trailer)
        session = struct.pack(
            "<BB4sIH", _PLUS, _SEALED, self._managed, self._sequence, len(payload)
        )
        fill = -(len(session) + len(payload) + 2) % 4
        signed = session + payload + b"\xff" * fill + bytes((fill, 0x07))
        return _RMCP + signed + self._digest(self._seal, signed)[: self._suite.kept]

    def _unsealed(self, packet: bytes, payload: bytes) -> bytes:
        """Return the message of a packet; raise `ValueError` unless it is genuine."""
        kept = self._suite.kept
        signature = self._digest(self._seal, packet[4:-kept])[:kept]
        if not hmac.compare_digest(packet[-kept:], signature):
            raise ValueError(packet)
        decryptor = Cipher(AES(self._cipher), CBC(payload[:_BLOCK])).decryptor()
        return decryptor.update(payload[_BLOCK:])


def _plain(kind: int, payload: bytes) -> bytes:
    """Return a packet outside of a session."""
    return _RMCP + struct.pack("<BB8xH", _PLUS, kind, len(payload)) + payload


def _checksum(part: bytes) -> bytes:
    return bytes((-sum(part) & 0xFF,))

"""The users that a BMC lists, as raw IPMI answers; kept in a file, as a BMC's memory keeps them.

A user that is added has a name and rights and no password, so that nobody can log in as it: it is
there to be seen.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from orchestrator.lab.files import write_atomic
from orchestrator.lab.sensors import Reply

#: network function and command (IPMI 2.0, section 22)
SET_ACCESS: Final = (0x06, 0x43)
GET_ACCESS: Final = (0x06, 0x44)
SET_NAME: Final = (0x06, 0x45)
GET_NAME: Final = (0x06, 0x46)
#: users are counted from 1; the first has no name and no rights, as in most BMCs
SLOTS: Final = 5
_ADMINISTRATOR, _NONE = 0x04, 0x0F
_OUT_OF_RANGE, _TRUNCATED = 0xC9, 0xC7
_CHANGES_BITS, _MESSAGING = 0x80, 0x10
_ENABLED, _DISABLED = 0x40, 0x80
_NAME_BYTES = 16
_ACCESS_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One slot of the list."""

    name: str = ""
    #: privilege limit, 4 bits
    level: int = _NONE
    #: callback, link authentication and messaging, as Get User Access has them
    bits: int = 0


class Users:
    """One BMC's list."""

    def __init__(self, path: Path, first: str) -> None:
        """Read the list, or begin it with the administrator `first` in slot 2."""
        self._path = path
        if path.exists():
            self._slots = [User(**read) for read in json.loads(path.read_text())]
        else:
            owner = User(name=first, level=_ADMINISTRATOR, bits=_MESSAGING)
            self._slots = [User(), owner, *(User() for _ in range(SLOTS - 2))]

    def answer(self, command: tuple[int, int], data: bytes) -> Reply | None:
        """Return the answer to a request, None when it is not about users."""
        handler = _HANDLERS.get(command)
        if handler is None:
            return None
        least, position = _SHAPES[command]
        if len(data) < least:
            return Reply(code=_TRUNCATED)
        number = data[position] & 0x3F
        known = 1 <= number <= len(self._slots)
        return handler(self, number, data) if known else Reply(code=_OUT_OF_RANGE)

    def get_access(self, number: int, _data: bytes) -> Reply:
        """Return how many users there are, how many have rights, and the rights of this one."""
        user = self._slots[number - 1]
        enabled = sum(slot.level != _NONE for slot in self._slots)
        status = _DISABLED if user.level == _NONE else _ENABLED
        return Reply(data=(len(self._slots), enabled | status, 1, user.bits | user.level))

    def set_access(self, number: int, data: bytes) -> Reply:
        """Give rights."""
        bits = data[0] & 0x70 if data[0] & _CHANGES_BITS else self._slots[number - 1].bits
        self._change(number, level=data[2] & 0x0F, bits=bits)
        return Reply()

    def get_name(self, number: int, _data: bytes) -> Reply:
        """Return the name, 16 bytes."""
        return Reply(data=tuple(self._slots[number - 1].name.encode().ljust(_NAME_BYTES, b"\0")))

    def set_name(self, number: int, data: bytes) -> Reply:
        """Give a name."""
        name = data[1:].rstrip(b"\0").decode("ascii", "replace")
        self._change(number, name=name)
        return Reply()

    def _change(self, number: int, **fields: str | int) -> None:
        self._slots[number - 1] = replace(self._slots[number - 1], **fields)  # type: ignore[arg-type]
        write_atomic(self._path, json.dumps([asdict(slot) for slot in self._slots]) + "\n")


_HANDLERS: Final = {
    GET_ACCESS: Users.get_access,
    SET_ACCESS: Users.set_access,
    GET_NAME: Users.get_name,
    SET_NAME: Users.set_name,
}
#: of each request: the fewest bytes, and which of them holds the user's number
_SHAPES: Final[Mapping[tuple[int, int], tuple[int, int]]] = {
    GET_ACCESS: (2, 1),
    SET_ACCESS: (_ACCESS_BYTES, 1),
    GET_NAME: (1, 0),
    SET_NAME: (1 + _NAME_BYTES, 0),
}

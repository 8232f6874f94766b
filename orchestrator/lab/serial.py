"""The serial port of a machine, from outside: kept in a file, shown to who watches."""

import os
from contextlib import suppress
from pathlib import Path

_KEPT = 1 << 16


class Serial:
    """What the machine prints goes to its console log, the newest also to its BMC."""

    def __init__(self, log: Path) -> None:
        """Be a port with nothing plugged in."""
        self._log = log
        self._unseen = bytearray()
        #: where the machine's output can be read, -1 while there is none
        self.handle = -1

    def rotate(self) -> None:
        """Begin a new log, keep the one before."""
        with suppress(FileNotFoundError):
            self._log.replace(self._log.with_suffix(".previous.log"))

    def plug(self) -> int:
        """Return the machine's end, a file handle to write to."""
        self.handle, far_end = os.pipe()
        os.set_blocking(self.handle, False)
        return far_end

    def unplug(self) -> None:
        """Take what is left, and close our end."""
        self.receive()
        os.close(self.handle)
        self.handle = -1

    def receive(self) -> bool:
        """Take what the machine printed; return whether it can print more."""
        with suppress(BlockingIOError):
            while data := os.read(self.handle, 1 << 16):
                self.show(data)
            return False
        return True

    def show(self, data: bytes) -> None:
        """Log `data`, and keep it for who watches."""
        with self._log.open("ab") as file:
            file.write(data)
        self._unseen += data
        del self._unseen[:-_KEPT]

    def take(self, most: int) -> bytes:
        """Return up to `most` bytes that nobody has been shown, empty if there are none."""
        chunk = bytes(self._unseen[:most])
        del self._unseen[:most]
        return chunk

    def skip(self) -> None:
        """Nobody watches: what was printed is not shown later."""
        self._unseen.clear()

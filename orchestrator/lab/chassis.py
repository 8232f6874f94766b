"""One simulated machine from outside: its power, its serial port, its BMC's event loop."""

import heapq
import itertools
import json
import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from pyghmi.ipmi.private import session as ipmi

from orchestrator.lab import machine
from orchestrator.lab.bmc import SOL_BYTES, NodeBmc, PowerCommand, device_of
from orchestrator.lab.board import Board, BootDevice, Ending, MachineEvent
from orchestrator.lab.faults import Fault
from orchestrator.lab.files import write_atomic
from orchestrator.lab.labdir import COOKIE
from orchestrator.lab.processes import adopt_orphans, bearers, descendants, die_with_parent, end_all
from orchestrator.model.errors import ConfigError

_NO_FLAGS = bytes(5)
_KEPT_OUTPUT = 1 << 16
_FOR_EVER = 3600.0
#: no BMC answers within microseconds; pyghmi's client misses an answer that comes before it waits
_CONTROLLER_SECONDS = 0.005
#: what a malformed packet raises inside pyghmi, or a spoilt fault file: a BMC lives on
_MALFORMED = (
    *(IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error),
    ConfigError,
)


class Chassis:
    """Holds the power; one process per boot of the machine, all in one single-threaded loop."""

    def __init__(self, board: Board) -> None:
        """Be a machine that is off."""
        self._board = board
        self._flags = _NO_FLAGS
        self._readers: dict[int, Callable[[], None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._machine = 0
        self._watch = self._serial = -1
        self._output = bytearray()
        # pyghmi waits in a thread of its own; ours forks, and a fork keeps one thread only.
        ipmi.iothread, ipmi.iothreadready = self, True
        ipmi._io_wait = self._wait
        self._bmc = NodeBmc(board.folder, board.endpoints, self)
        self._readers[self._bmc.serversocket.fileno()] = self._receive
        self._note()

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            due = self._due[0][0] - time.monotonic() if self._due else _FOR_EVER
            try:
                ipmi.Session.wait_for_rsp(max(0.0, due))
            except _MALFORMED:
                traceback.print_exc()
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
            self._show()

    def powered(self) -> bool:
        """Return whether the machine has power."""
        return self._machine != 0

    def boot_flags(self) -> bytes:
        """Return what the next boot uses, as the client set it."""
        return self._flags

    def set_boot_flags(self, flags: bytes) -> None:
        """Keep what the next boot uses."""
        self._flags = flags
        self._note()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` after `seconds`."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))

    def command(self, command: PowerCommand) -> None:
        """Do what the power button was told."""
        match command:
            case PowerCommand.ON:
                if not self.powered():
                    self._power_on()
            case PowerCommand.OFF | PowerCommand.SHUTDOWN:
                self._power_off()
            case PowerCommand.CYCLE | PowerCommand.RESET:
                self._power_off()
                self._power_on()
            case PowerCommand.DIAGNOSE:
                self._print(b"Kernel: NMI received\r\n")

    def _power_on(self) -> None:
        with suppress(FileNotFoundError):
            console = self._board.folder.console
            console.replace(console.with_suffix(".previous.log"))
        self._boot()

    def _power_off(self) -> None:
        """Take the power from all that runs: nothing of it can finish what it does."""
        if self._machine:
            machine_pid, self._machine = self._machine, 0
            with suppress(ProcessLookupError):
                os.kill(machine_pid, signal.SIGKILL)
            self._end_leftovers()
            self._unplug()
            self._note()

    def _end_leftovers(self) -> None:
        cookie = self._board.folder.cookie
        here = os.getpid()
        ended = end_all(lambda: descendants(here))
        if not (end_all(lambda: bearers(COOKIE, lambda value: value == cookie)) and ended):
            sys.stderr.write(f"{self._board.folder.name}: some processes would not end\n")

    def _boot(self) -> None:
        device = device_of(self._flags) or BootDevice.DISK
        self._flags = _NO_FLAGS
        self._serial, far_end = os.pipe()
        os.set_blocking(self._serial, False)
        chassis = os.getpid()
        self._machine = os.fork()
        if self._machine == 0:
            self._become_machine(chassis, far_end, device)
        os.close(far_end)
        self._watch = os.pidfd_open(self._machine)
        self._readers |= {self._serial: self._listen, self._watch: self._ended}
        self._note()

    def _become_machine(self, chassis: int, serial: int, device: BootDevice) -> None:
        """Never returns: this process is the machine from now on."""
        status: int = Ending.POWER_LOST
        try:
            die_with_parent(chassis)
            adopt_orphans()
            self._bmc.serversocket.close()
            os.close(self._serial)
            os.dup2(serial, 1)
            os.dup2(serial, 2)
            status = machine.live(self._board, device)
        finally:
            if sys.exc_info()[0] is not None:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(status)

    def _ended(self) -> None:
        """The machine's process ended by itself: a reboot, or power was lost."""
        _, status = os.waitpid(self._machine, 0)
        self._end_leftovers()
        self._unplug()
        if os.waitstatus_to_exitcode(status) == Ending.REBOOT:
            self._boot()
            return
        self._machine = 0
        self._board.witness(MachineEvent.POWER_LOST)
        self._note()

    def _unplug(self) -> None:
        self._listen()
        for handle in (self._serial, self._watch):
            self._readers.pop(handle, None)
            os.close(handle)
        self._serial = self._watch = -1

    def _note(self) -> None:
        """Write the state where people look."""
        device = device_of(self._flags)
        state = {"on": self.powered(), "boot_next": None if device is None else device.value}
        write_atomic(self._board.folder.power, json.dumps(state) + "\n")

    def _wait(self, timeout: float, *_: object) -> None:
        """Stand in for pyghmi's thread: wait for packets, and for what our machine does."""
        ready = select.select(list(self._readers), (), (), timeout)[0]
        for handle in ready:
            if handle in self._readers:
                self._readers[handle]()

    def _receive(self) -> None:
        if self._bmc.strikes(Fault.DEAD):
            while ipmi._io_recvfrom(self._bmc.serversocket, 3000) is not None:
                pass
        else:
            time.sleep(_CONTROLLER_SECONDS)
            ipmi._io_graball([self._bmc.serversocket], {})

    def _listen(self) -> None:
        """Take what the machine printed."""
        with suppress(BlockingIOError):
            while data := os.read(self._serial, 1 << 16):
                self._print(data)
            self._readers.pop(self._serial, None)

    def _print(self, data: bytes) -> None:
        with self._board.folder.console.open("ab") as file:
            file.write(data)
        self._output += data
        del self._output[:-_KEPT_OUTPUT]

    def _show(self) -> None:
        """Pass the machine's output on to the client of serial-over-LAN, if there is one."""
        while self._output and self._bmc.sol is not None:
            chunk = bytes(self._output[:SOL_BYTES])
            del self._output[:SOL_BYTES]
            self._bmc.sol.send_data(chunk)
            self._bmc.drop_broken_console()
        self._output.clear()

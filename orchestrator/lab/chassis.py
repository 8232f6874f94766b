"""One machine from outside: its power, and the process that it lives in."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from pyghmi.ipmi.private import session as ipmi

from orchestrator.lab.bmc import SOL_BYTES, NodeBmc, PowerCommand, device_of
from orchestrator.lab.board import Board, BootDevice, Ending, MachineEvent
from orchestrator.lab.faults import Fault
from orchestrator.lab.files import write_atomic
from orchestrator.lab.labdir import COOKIE
from orchestrator.lab.loop import Loop
from orchestrator.lab.processes import adopt_orphans, bearers, descendants, die_with_parent, end_all
from orchestrator.lab.serial import Serial
from orchestrator.model.errors import ConfigError

_NO_FLAGS = bytes(5)
#: no BMC answers within microseconds; pyghmi's client misses an answer that comes before it waits
_CONTROLLER_SECONDS = 0.005


class Chassis:
    """Holds the power; the machine has one process per boot, and is off while it has none."""

    def __init__(self, board: Board, boot: Callable[[BootDevice], Ending]) -> None:
        """Be a machine that is off; `boot` is one boot of it, from power-on to its end."""
        self._board = board
        self._boots = boot
        self._flags = _NO_FLAGS
        self._machine = 0
        self._watch = -1
        self._serial = Serial(board.folder.console)
        self._loop = Loop()
        self.later = self._loop.later
        self._bmc = NodeBmc(board.folder, board.endpoints, self)
        self._loop.watch(self._bmc.serversocket.fileno(), self._receive)
        self._note()

    def serve(self) -> None:
        """Answer for ever."""
        self._loop.run(self._show)

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

    def command(self, command: PowerCommand) -> None:
        """Do what the power button was told."""
        match command:
            case PowerCommand.ON:
                if not self.powered():
                    self._serial.rotate()
                    self._boot()
            case PowerCommand.OFF | PowerCommand.SHUTDOWN:
                self._power_off()
            case PowerCommand.CYCLE | PowerCommand.RESET:
                self._power_off()
                self._serial.rotate()
                self._boot()
            case PowerCommand.DIAGNOSE:
                self._serial.show(b"Kernel: NMI received\r\n")

    def _power_off(self) -> None:
        """Take the power from all that runs: nothing of it can finish what it does."""
        if self._machine:
            machine_pid, self._machine = self._machine, 0
            with suppress(ProcessLookupError):
                os.kill(machine_pid, signal.SIGKILL)
            self._clear()
            self._note()

    def _clear(self) -> None:
        """End what the machine's process left behind, and read its last words."""
        cookie = self._board.folder.cookie
        here = os.getpid()
        ended = end_all(lambda: descendants(here))
        if not (end_all(lambda: bearers(COOKIE, lambda value: value == cookie)) and ended):
            sys.stderr.write(f"{self._board.folder.name}: some processes would not end\n")
        self._loop.forget(self._serial.handle)
        self._loop.forget(self._watch)
        self._serial.unplug()
        os.close(self._watch)

    def _boot(self) -> None:
        device = device_of(self._flags) or BootDevice.DISK
        self._flags = _NO_FLAGS
        far_end = self._serial.plug()
        chassis = os.getpid()
        self._machine = os.fork()
        if self._machine == 0:
            self._become_machine(chassis, far_end, device)
        os.close(far_end)
        self._watch = os.pidfd_open(self._machine)
        self._loop.watch(self._serial.handle, self._listen)
        self._loop.watch(self._watch, self._ended)
        self._note()

    def _become_machine(self, chassis: int, serial: int, device: BootDevice) -> None:
        """Never returns: this process is the machine from now on."""
        status: int = Ending.POWER_LOST
        try:
            die_with_parent(chassis)
            adopt_orphans()
            self._bmc.serversocket.close()
            os.close(self._serial.handle)
            os.dup2(serial, 1)
            os.dup2(serial, 2)
            status = _live(self._board, self._boots, device)
        finally:
            if sys.exc_info()[0] is not None:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(status)

    def _ended(self) -> None:
        """The machine's process ended by itself: a reboot, or power was lost."""
        status = os.waitpid(self._machine, 0)[1]
        self._clear()
        if os.waitstatus_to_exitcode(status) == Ending.REBOOT:
            self._boot()
            return
        self._machine = 0
        self._board.witness(MachineEvent.POWER_LOST)
        self._note()

    def _note(self) -> None:
        """Write the state where people look."""
        device = device_of(self._flags)
        state = {"on": self.powered(), "boot_next": None if device is None else device.value}
        write_atomic(self._board.folder.power, json.dumps(state) + "\n")

    def _receive(self) -> None:
        if self._bmc.strikes(Fault.DEAD):
            while ipmi._io_recvfrom(self._bmc.serversocket, 3000) is not None:
                pass
        else:
            time.sleep(_CONTROLLER_SECONDS)
            ipmi._io_graball([self._bmc.serversocket], {})

    def _listen(self) -> None:
        if not self._serial.receive():
            self._loop.forget(self._serial.handle)

    def _show(self) -> None:
        """Pass the machine's output on to the client of serial-over-LAN, if there is one."""
        while self._bmc.sol is not None and (chunk := self._serial.take(SOL_BYTES)):
            self._bmc.sol.send_data(chunk)
            self._bmc.drop_broken_console()
        self._serial.skip()


def _live(board: Board, boots: Callable[[BootDevice], Ending], device: BootDevice) -> int:
    """Return this boot's exit status; a failure of ours is on the console."""
    os.environ[COOKIE] = board.folder.cookie
    try:
        return boots(device)
    except (OSError, ValueError, subprocess.SubprocessError, ConfigError) as error:
        board.say(f"Machine check: {type(error).__name__}: {error}")
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return Ending.POWER_LOST

"""One boot of a machine: from power-on self-test to the end of what it runs."""

import os
import subprocess
import sys
import traceback

from orchestrator.lab import installer, netboot, system
from orchestrator.lab.board import Board, BootDevice, Ending
from orchestrator.lab.labdir import COOKIE
from orchestrator.model.errors import ConfigError


def boot(board: Board, device: BootDevice) -> Ending:
    """Boot from `device`; return when the machine asks for a reboot, else never."""
    board.folder.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    board.pause(1)
    board.say("", "Lab BIOS 1.0", f"Memory test: 65536 MB OK. Boot device: {device}")
    if device is BootDevice.SETUP:
        board.say("BIOS Setup Utility")
        board.sit()
    if device is BootDevice.NETWORK:
        command_line = netboot.boot(board)
        if command_line is not None:
            return installer.run(board, command_line)
    if board.installed.exists():
        return system.run(board)
    board.say("No bootable device -- insert boot disk and press any key")
    return board.sit()


def live(board: Board, device: BootDevice) -> int:
    """Return the exit status for this boot's own process; a failure of ours is on the console."""
    os.environ[COOKIE] = board.folder.cookie
    try:
        return boot(board, device)
    except (OSError, ValueError, subprocess.SubprocessError, ConfigError) as error:
        board.say(f"Machine check: {type(error).__name__}: {error}")
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return Ending.POWER_LOST

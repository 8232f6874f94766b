"""One boot of a machine: from power-on self-test to the end of what it runs."""

from orchestrator.lab import installer, netboot, system
from orchestrator.lab.board import BootDevice, Ending, SimulatedBoard


def boot(board: SimulatedBoard, device: BootDevice) -> Ending:
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

"""The installed system: a real OpenSSH server on the machine's own address."""

import getpass
import os
import random
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import NoReturn

from orchestrator.lab import hardware
from orchestrator.lab.board import Ending, MachineEvent, SimulatedBoard, tail
from orchestrator.lab.faults import Fault
from orchestrator.lab.labdir import NodeDir
from orchestrator.lab.processes import die_with_parent

_START_SECONDS = 20.0
_DICE = random.SystemRandom()

_CONFIG = """
ListenAddress {address}
Port {port}
HostKey "{disk}/etc/ssh/ssh_host_ed25519_key"
AuthorizedKeysFile "{keys}"
ForceCommand "{session}"
SetEnv {environment}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowUsers {user}
MaxStartups 1000
MaxSessions 1000
LoginGraceTime 60
UseDNS no
PrintMotd no
PrintLastLog no
X11Forwarding no
Subsystem sftp internal-sftp
"""

# Tells the machine of the first command, then runs it at home on the machine's own disk.
_SESSION = """#!/bin/sh
kill -USR1 {machine} 2>/dev/null
cd "$HOME" || exit 1
asked=$SSH_ORIGINAL_COMMAND
unset SSH_ORIGINAL_COMMAND MAIL
case "$asked" in
internal-sftp*) exec {sftp} ;;
'') exec /bin/sh -i ;;
*) exec /bin/sh -c "$asked" ;;
esac
"""


def run(board: SimulatedBoard) -> Ending:
    """Serve SSH for as long as the machine has power, or its server runs."""
    hostname = (board.folder.disk / "etc/hostname").read_text().strip()
    board.say("", "GRUB loading.", "Linux version 6.1.0-amd64 (debian-kernel@lists.debian.org)")
    board.pause(2)
    hardware.build(board.folder, board.endpoints.mac)
    signal.signal(signal.SIGUSR1, lambda *_: _first_command(board))
    server = _start(board)
    if not _listening(board, server):
        lines = tail(_log(board.folder), 5)
        board.say("[FAILED] Failed to start ssh.service - OpenBSD Secure Shell server.", *lines)
        board.sit()
    board.say("[  OK  ] Started ssh.service - OpenBSD Secure Shell server.")
    board.witness(MachineEvent.BOOTED)
    board.say("", f"Debian GNU/Linux 12 {hostname} ttyS0", "", f"{hostname} login: ")
    _reap_until_end_of(server)
    board.say("ssh.service: Main process exited", *tail(_log(board.folder), 3))
    board.sit()


def ssh_user() -> str:
    """Return whom to log in as: the user who runs the lab."""
    return getpass.getuser()


def _log(folder: NodeDir) -> Path:
    return folder.run / "sshd.log"


def _start(board: SimulatedBoard) -> int:
    """Return the process id of the server."""
    run, disk = board.folder.run, board.folder.disk
    environment = board.environment()
    session = run / "session"
    sftp = board.openssh.sftp_server
    session.write_text(
        _SESSION.format(
            machine=os.getpid(),
            sftp="/bin/false" if sftp is None else shlex.quote(str(sftp)),
        )
    )
    session.chmod(0o755)
    config = run / "sshd_config"
    config.write_text(
        _CONFIG.format(
            address=board.endpoints.host,
            port=board.endpoints.ssh_port,
            disk=disk,
            # sshd expands % in this one
            keys=str(disk / "root/.ssh/authorized_keys").replace("%", "%%"),
            session=session,
            user=ssh_user(),
            environment=" ".join(f'"{name}={value}"' for name, value in environment.items()),
        )
    )
    options = (word for option in board.openssh.options for word in ("-o", option))
    machine = os.getpid()
    with _log(board.folder).open("wb") as log:
        process = subprocess.Popen(
            [board.openssh.sshd, "-D", "-e", "-f", config, *options],
            env={**environment, "LD_LIBRARY_PATH": board.openssh.libraries},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: die_with_parent(machine),
        )
    pid = process.pid
    # We reap it ourselves, with every orphan of the machine.
    process.returncode = 0
    return pid


def _listening(board: SimulatedBoard, server: int) -> bool:
    """Wait until the server says that it listens; False when it ended instead."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if "Server listening on" in _log(board.folder).read_text(errors="replace"):
            return True
        ended, _ = os.waitpid(server, os.WNOHANG)
        if ended:
            return False
        time.sleep(0.01)
    return False


def _reap_until_end_of(server: int) -> None:
    while os.waitpid(-1, 0)[0] != server:
        pass


def _first_command(board: SimulatedBoard) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if board.strikes(Fault.DIES_IN_DEPLOY):
        signal.signal(signal.SIGALRM, lambda *_: _lose_power())
        signal.setitimer(signal.ITIMER_REAL, _DICE.uniform(1, 2))


def _lose_power() -> NoReturn:
    os._exit(Ending.POWER_LOST)

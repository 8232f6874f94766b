"""The unattended installer: reads its answers, fills the disk, calls home."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import NoReturn

from orchestrator.lab import latecommand
from orchestrator.lab.answers import Answers, unsettled
from orchestrator.lab.board import Ending, MachineEvent, SimulatedBoard
from orchestrator.lab.download import DownloadError, download
from orchestrator.lab.faults import Fault
from orchestrator.lab.openssh import python
from orchestrator.lab.preseed import PreseedError, parse

#: what the installer shows, and its share of the seconds
_STEPS = (
    ("Detecting disks and all other hardware", 0.4),
    ("Partitions formatting", 0.5),
    ("Installing the base system", 1.4),
    ("Select and install software", 0.9),
    ("Installing GRUB boot loader", 0.4),
)
_HANGS_AFTER = "Installing the base system"
_LAST_SECONDS = 0.4
_ALIASES = {"url": "preseed/url", "auto": "auto-install/enable", "hostname": "netcfg/get_hostname"}
_FOLDERS = ("boot", "etc/ssh", "root", "tmp", "usr/local/bin", "var/lib", "var/log")


def run(board: SimulatedBoard, command_line: str) -> Ending:
    """Install, and ask for a reboot; a refusal sits at its screen for ever, as the real one."""
    arguments = _arguments(command_line)
    board.say("", "Debian GNU/Linux installer", f"Command line: {_without_token(command_line)}")
    board.witness(MachineEvent.INSTALLER_STARTED)
    answers = _answers(board, arguments)
    hostname = arguments.get("netcfg/get_hostname") or _value(answers, "netcfg/get_hostname")
    hangs = board.strikes(Fault.HANGS_IN_INSTALL)
    _wipe(board)
    for title, seconds in _STEPS:
        board.say(f"[*] {title}...")
        board.pause(seconds)
        if hangs and title == _HANGS_AFTER:
            board.sit()
    _fill(board, hostname or board.folder.name)
    _finish(board, answers)
    return Ending.REBOOT


def _arguments(command_line: str) -> Mapping[str, str]:
    pairs = (word.partition("=") for word in command_line.split())
    return {_ALIASES.get(name, name): value for name, _, value in pairs}


def _without_token(command_line: str) -> str:
    """One-time tokens travel in the query; consoles are kept and shown."""
    return " ".join(word.partition("?")[0] for word in command_line.split())


def _value(answers: Answers, question: str) -> str:
    return answers[question].value.strip() if question in answers else ""


def _answers(board: SimulatedBoard, arguments: Mapping[str, str]) -> Answers:
    if arguments.get("auto-install/enable") != "true":
        _ask(board, "Select a language", "Language (no auto=true on the kernel's command line)")
    url = arguments.get("preseed/url", "")
    if not url:
        _ask(board, "Select a language", "Language (no preseed/url on the kernel's command line)")
    board.say("[*] Download debconf preconfiguration file...")
    shown = url.partition("?")[0]
    try:
        answers = parse(download(url).decode(errors="replace"))
    except DownloadError as error:
        sentence = f"The file needed for preconfiguration could not be retrieved from {shown}"
        _refuse(board, "Failed to retrieve the preconfiguration file", sentence, error.reason)
    except PreseedError as error:
        sentence = f"The installer failed to process the preconfiguration file from {shown}"
        where = f"/var/lib/preseed.cfg line {error.line}: {error.reason}"
        _refuse(board, "Failed to process the preconfiguration file", sentence, where)
    need = unsettled(answers)
    if need is not None:
        _ask(board, need.screen, f"{need.asks} (no answer preseeded for {need.question})")
    return answers


def _refuse(board: SimulatedBoard, title: str, sentence: str, detail: str) -> NoReturn:
    board.say("", f"[!!] Preconfiguration error: {title}", f"  {sentence}.", f"  {detail}")
    board.say("  <Go Back>  <Continue>")
    board.sit()


def _ask(board: SimulatedBoard, screen: str, question: str) -> NoReturn:
    board.say("", f"[!!] {screen}", f"  {question}:", "  <Go Back>  <Continue>")
    board.sit()


def _wipe(board: SimulatedBoard) -> None:
    """Take the boot mark off first: a machine that loses power now must not boot half a disk."""
    board.installed.unlink(missing_ok=True)
    if board.folder.disk.exists():
        shutil.rmtree(board.folder.disk)


def _fill(board: SimulatedBoard, hostname: str) -> None:
    disk = board.folder.disk
    for folder in _FOLDERS:
        (disk / folder).mkdir(parents=True, exist_ok=True)
    (disk / "root").chmod(0o700)
    (disk / "etc/hostname").write_text(f"{hostname}\n")
    # The packages of a real install bring a Python; here it is the one that runs the lab.
    (disk / "usr/local/bin/python3").symlink_to(python())
    key = disk / "etc/ssh/ssh_host_ed25519_key"
    command = [
        "ssh-keygen",
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        f"root@{hostname}",
        "-f",
        str(key),
    ]
    subprocess.run(command, stdin=subprocess.DEVNULL, timeout=30, check=True)


def _finish(board: SimulatedBoard, answers: Answers) -> None:
    board.say("[*] Finishing the installation...")
    command = _value(answers, "preseed/late_command")
    if command:
        board.say("[*] Running preseed command preseed/late_command...")
        status = latecommand.run(board, command)
        if status != 0:
            sentence = 'Execution of preseeded command "late_command" failed'
            board.say("", f"[!!] Finish the installation: {sentence} with exit code {status}.")
            board.say("  <Go Back>  <Continue>")
            board.sit()
    board.pause(_LAST_SECONDS)
    board.installed.touch()
    board.witness(MachineEvent.INSTALLED)
    board.say("The system is going down NOW!", "Requesting system reboot")

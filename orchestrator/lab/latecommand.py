"""Runs the installer's late command: real commands, on a disk that is a folder."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from orchestrator.lab import wget
from orchestrator.lab.board import SYSTEM_PATH, SimulatedBoard
from orchestrator.lab.faults import Fault
from orchestrator.lab.openssh import python

DEADLINE = 60.0
_TARGET = re.compile(r"(?<![\w.-])/target(?![\w.-])")
#: what has no effect on a folder, and must never reach the machine that runs the lab
_NOT_HERE = "adduser|apt-get|apt-install|chpasswd|chown|locale-gen|passwd|systemctl|update-grub"
_IN_TARGET = """#!/bin/sh
# Without root there is no chroot: absolute paths are moved below the disk's folder instead.
[ "$1" = --pass-stdout ] && shift
case "$1" in
{not_here}|update-initramfs|update-rc.d|useradd|usermod) echo "in-target: $*: done"; exit 0 ;;
esac
below='s#(^|[[:space:]"'"'"'=<>])/(boot|etc|home|opt|root|srv|tmp|var)(/|$|[[:space:]])#\\1{disk}/\\2\\3#g'
for word; do
    shift
    set -- "$@" "$(printf '%s' "$word" | sed -E "$below")"
done
exec "$@"
"""


def run(board: SimulatedBoard, command: str) -> int:
    """Return the exit status of `command`, its output on the console; 124 when out of time.

    `/target` becomes the disk's folder, since an ordinary user cannot chroot.
    """
    shims = _write_shims(board)
    # In a file, not on the command line, where every user could read its one-time token.
    script = board.folder.run / "late_command"
    script.touch(mode=0o600)
    script.write_text(_TARGET.sub(lambda _: str(board.folder.disk), command) + "\n")
    with subprocess.Popen(
        ["/bin/sh", str(script)],
        cwd=board.folder.disk,
        env=board.environment(shims),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return 124


def _write_shims(board: SimulatedBoard) -> Path:
    """Stand-ins for the installer's own commands, to lead the PATH."""
    folder = board.folder.run / "shims"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shims = {
        "in-target": _IN_TARGET.format(not_here=_NOT_HERE, disk=board.folder.disk),
        "apt-install": "#!/bin/sh\nexit 0\n",
    }
    if board.strikes(Fault.NO_CALLBACK):
        shims |= {"wget": "#!/bin/sh\nexit 0\n", "curl": "#!/bin/sh\nexit 0\n"}
    else:
        shims["wget"] = f'#!/bin/sh\nexec {_wget()} "$@"\n'
    for name, text in shims.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def _wget() -> str:
    found = shutil.which("wget", path=SYSTEM_PATH)
    if found is not None:
        return f"{found} --no-proxy --tries=2 --timeout=15"
    return f"{python()} -I -S {wget.__file__}"

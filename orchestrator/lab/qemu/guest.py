"""A builder's way into its machine: SSH with a throw-away key, the host key checked."""

import secrets
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.errors import Unreachable

#: an SSH handshake of an emulated processor on a busy host
_TRY_SECONDS = 60.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Where the machine's SSH is forwarded to, and the folder of key and host key."""

    folder: Path
    port: int

    @property
    def public_key(self) -> str:
        """What the machine must accept."""
        return (self.folder / "key.pub").read_text()

    def trust(self, host_key: str) -> None:
        """Accept that host key, and no other."""
        (self.folder / "known_hosts").write_text(f"[{LOOPBACK}]:{self.port} {host_key}\n")

    def wait(self, seconds: float) -> None:
        """Return once a command works; raise `Unreachable` with what was last said."""
        end = time.monotonic() + seconds
        while True:
            try:
                self.run("true", _TRY_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                said = getattr(error, "stderr", b"") or b""
                if time.monotonic() > end:
                    raise Unreachable(f"the machine does not answer: {said!r}") from error
                time.sleep(1)
            else:
                return

    def run(self, command: str, seconds: float, given: bytes = b"") -> bytes:
        """Return what `command` printed; raises `subprocess.SubprocessError`."""
        folder = self.folder
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "30",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(folder / "known_hosts"),
        }
        argv = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(folder / "key")]
        argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        argv += [f"root@{LOOPBACK}", command]
        done = subprocess.run(argv, input=given, capture_output=True, timeout=seconds, check=True)
        return done.stdout


def make(folder: Path) -> Guest:
    """Return a guest with a new key in `folder`, on a port that is free now."""
    (folder / "key").unlink(missing_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"build-{secrets.token_hex(4)}"]
    subprocess.run([*argv, "-f", str(folder / "key")], check=True, timeout=_TRY_SECONDS)
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return Guest(folder=folder, port=free.getsockname()[1])

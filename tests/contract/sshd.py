"""A real OpenSSH server on a loopback port, for drivers that log in to a machine."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from orchestrator.lab import openssh
from orchestrator.model.node import Access

_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
SetEnv PATH={bin}:/usr/bin:/bin HOME={home}
"""


class Sshd:
    """Serves the user who runs the tests, by the key at `key`, until `stop`."""

    def __init__(self, folder: Path, more: str = "") -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._more = more
        self.key = folder / "key"
        self.host_key = make_key(folder / "host_key")
        (folder / "authorized_keys").write_text(make_key(self.key) + "\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "python3").symlink_to(openssh.python())
        (folder / "home").mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.start()

    def start(self) -> None:
        """Start the server and wait until it listens."""
        openssh.prepare_for_root()
        cache = openssh.default_cache()
        server = openssh.describe(openssh.find(cache) or openssh.fetch(cache))
        folder = self.folder
        (folder / "sshd_config").write_text(
            _CONFIG.format(port=self.port, folder=folder, bin=folder / "bin", home=folder / "home")
            + self._more
        )
        options = [part for option in server.options for part in ("-o", option)]
        argv = [str(server.sshd), "-D", "-e", "-f", str(folder / "sshd_config"), *options]
        env = {**os.environ, "LD_LIBRARY_PATH": server.libraries}
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, env=env, stderr=log, start_new_session=True)
        give_up = time.monotonic() + 10
        while "Server listening" not in (folder / "log").read_text():
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop listening; sessions that are open go on."""
        self._process.kill()
        self._process.wait()

    def access(self, host_key: str = "") -> Access:
        """Return how to log in, as a node that called home would say."""
        return Access(
            address="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            host_key=host_key or self.host_key,
        )


def make_key(path: Path) -> str:
    """Make an ed25519 key pair; return the public half."""
    keygen = shutil.which("ssh-keygen")
    assert keygen
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_name(path.name + ".pub").read_text().strip()

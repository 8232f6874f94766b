"""A PostgreSQL server of the tests' own, in a folder of its own: started, killed, started again."""

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

START_SECONDS = 60.0
#: what the system runs PostgreSQL as; PostgreSQL refuses to run as root
_OWNER = "postgres"


def binaries() -> Path | None:
    """Return the folder with initdb and postgres of the newest version here, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve())
    return found[-1].parent if found else None


def _version(path: Path) -> int:
    name = path.parent.parent.name
    return int(name) if name.isdigit() else 0


class Postgres:
    """One cluster on a loopback port that dies with the process that started it."""

    def __init__(self, *, durable: bool = True) -> None:
        """Make the cluster; it does not run yet. If not `durable`, it never waits for the disk."""
        self._durable = durable
        found = binaries()
        assert found, "no PostgreSQL server is installed"
        self._bin = found
        self.folder = Path(tempfile.mkdtemp(prefix="smoketest-postgres-"))
        if not os.getuid():
            shutil.chown(self.folder, _OWNER, _OWNER)
        self.folder.chmod(0o755)
        self._data = self.folder / "data"
        made = [self._bin / "initdb", "-D", self._data, "-A", "trust", "-U", _OWNER, "--no-sync"]
        subprocess.run(self._owned(*map(str, made)), check=True, capture_output=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it answers, as a URL of its first database."""
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/postgres"

    @property
    def running(self) -> psutil.Process:
        """Return the server as a process, to ask what it uses."""
        assert self._process
        return psutil.Process(self._process.pid)

    def start(self) -> "Postgres":
        """Start it (again) and return once it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "400",
            "shared_buffers": "512MB",
            "max_wal_size": "4GB",
            # within its folder, which goes with it: it is killed, and would leave segments behind
            "dynamic_shared_memory_type": "mmap",
            "fsync": "on" if self._durable else "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = self._owned(str(self._bin / "postgres"), "-D", str(self._data), *words)
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            # one that was killed may be in the way for a moment: its backends go a little later
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log)
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """SIGKILL the server: what was committed must be there after the next start."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of an empty database, dropped at the end."""
        name = f"store_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as server:
            server.execute(f"create database {name}")
        yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        with psycopg.connect(self.url, autocommit=True) as server:
            server.execute(f"drop database {name} with (force)")

    def _owned(self, *command: str) -> list[str]:
        """Return the command as PostgreSQL's own user, ended when this process ends."""
        user = ["--reuid", _OWNER, "--regid", _OWNER, "--clear-groups"] if not os.getuid() else []
        return ["setpriv", *user, "--pdeathsig", "INT", *command]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@cache
def shared() -> Postgres:
    """Return this process's server, started when it is first asked for."""
    server = Postgres(durable=False).start()
    atexit.register(server.remove)
    return server

"""The home folder: everything that one orchestrator keeps, and the lock that makes it one."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.drivers.vault.keyfile import KeyFileVault
from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret
from orchestrator.wiring.settings import DEFAULT_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Paths below one folder (mode 0700)."""

    folder: Path

    @property
    def store_url(self) -> str:
        """Return the address of the default store, a SQLite file."""
        return f"sqlite:///{self.folder}/store.sqlite"

    @property
    def attempts(self) -> Path:
        """Return the folder that keeps every attempt's files."""
        return self.folder / "attempts"

    @property
    def repositories(self) -> Path:
        """Return the folder that keeps mirrors of repositories, and what was packed of them."""
        return self.folder / "repositories"

    @property
    def artifacts(self) -> Path:
        """Return the folder that keeps what is built once for all cells, wheels above all.

        `SMOKETEST_ARTIFACTS` names one that several homes share.
        """
        shared = os.environ.get("SMOKETEST_ARTIFACTS", "")
        return Path(shared) if shared else self.folder / "artifacts"

    @property
    def server_file(self) -> Path:
        """Return the file that tells the command line where we answer, and our token."""
        return self.folder / "server.json"

    def vault(self) -> KeyFileVault:
        """Return the credentials derived from this home's own key."""
        return KeyFileVault(self.folder / "key")

    def identity(self) -> str:
        """Return this orchestrator's id: stable over restarts, different from every other's."""
        return self.vault().derive("identity")[:12]

    def token(self) -> Secret:
        """Return the local operator's API token."""
        return Secret(self.vault().derive("operator-token"))

    def usual_port(self) -> int:
        """Return the port that we answered on the last time, or the default.

        Machines that are being installed while we restart know no other.
        """
        try:
            return int((self.folder / "port").read_text())
        except (OSError, ValueError):
            return DEFAULT_PORT

    def keep_store(self, url: str) -> None:
        """Remember where the store is, for workers and for `doctor --store`."""
        (self.folder / "store.url").write_text(url + "\n")

    def kept_store(self) -> str:
        """Return where the store was at the last start, or the default store."""
        try:
            return (self.folder / "store.url").read_text().strip()
        except OSError:
            return self.store_url

    def kept_url(self) -> str:
        """Return where the orchestrator answered last; empty if none was ever up."""
        try:
            return (self.folder / "url").read_text().strip()
        except OSError:
            return ""

    def announce(self, url: str) -> None:
        """Write where we answer, for the command line (mode 0600, at once or not at all)."""
        (self.folder / "port").write_text(url.rpartition(":")[2])
        (self.folder / "url").write_text(url)
        text = json.dumps({"url": url, "token": self.token().reveal(), "pid": os.getpid()})
        draft = self.server_file.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.replace(self.server_file)


@contextmanager
def seat(home: Home, name: str) -> Iterator[str]:
    """Yield the name of a worker while no other works on the home under it.

    Without a name it is the host's, with the first free number: who starts again is who it was.
    Raises `ConfigError` for a home that no orchestrator was ever up on, or a name that is taken.
    """
    if not home.kept_url():
        msg = f"no orchestrator was ever up on {home.folder}: `smoketest up --home` starts one"
        raise ConfigError(msg)
    folder = home.folder / "workers"
    folder.mkdir(mode=0o700, exist_ok=True)
    host = socket.gethostname().partition(".")[0]
    for choice in (name,) if name else (f"{host}-{number}" for number in range(1, 100)):
        with (folder / f"{choice}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield choice
            return
    msg = f"a worker called {name or host} works on {home.folder} already: choose another --name"
    raise ConfigError(msg)


@contextmanager
def claim(folder: Path) -> Iterator[Home]:
    """Yield the home while no other orchestrator runs on it; raise `ConfigError` otherwise."""
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("w")
    except OSError as error:
        msg = f"{folder} cannot be used as home ({error.strerror}): choose another with --home"
        raise ConfigError(msg) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"an orchestrator runs on {folder} already: `smoketest down` ends it"
            raise ConfigError(msg) from error
        try:
            yield Home(folder=folder)
        finally:
            Home(folder=folder).server_file.unlink(missing_ok=True)

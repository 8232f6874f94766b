"""Programs in virtualenvs of their own: what they need must not meet what we need."""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.drivers.smoke import child
from orchestrator.model.errors import InfraError
from orchestrator.ports.clock import Deadline

_SECONDS = 3600.0
_POLL = 0.2
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: what pip may need to reach a package index
_KEPT = ("HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_FIND_LINKS", "PIP_NO_INDEX")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """A virtualenv that is made once and shared by all attempts, in any number of processes."""

    folder: Path
    #: requirements, pinned
    packages: tuple[str, ...]

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.folder / "bin" / name)

    def ready(self, progress: Callable[[str], None], deadline: Deadline) -> None:
        """Return once everything is installed; one that was left half made is made anew.

        It has a deadline of its own: what all attempts share is nobody's smoke test. Raises
        `InfraError` with pip's own words when it cannot be.
        """
        with deadline.beside(_SECONDS, f"installing {self.packages[0]}") as own:
            self._have(progress, own)

    def _have(self, progress: Callable[[str], None], deadline: Deadline) -> None:
        with self._alone(deadline):
            if self._mark.is_file() and self._mark.read_text() == self._wanted:
                return
            progress(f"installing {self.packages[0]} in a virtualenv of its own")
            shutil.rmtree(self.folder, ignore_errors=True)
            self._run([sys.executable, "-m", "venv", str(self.folder)], deadline)
            quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
            self._run([self.program("pip"), "install", *quiet, *self.packages], deadline)
            self._mark.write_text(self._wanted)

    @property
    def _mark(self) -> Path:
        return self.folder / ".installed"

    @property
    def _wanted(self) -> str:
        return "\n".join(self.packages)

    def _run(self, argv: Sequence[str], deadline: Deadline) -> None:
        said: list[str] = []
        env = {key: os.environ[key] for key in (*_KEPT, *_PROXIES) if key in os.environ}
        code = child.run(argv, {"PATH": _PATH, **env}, self.folder.parent, said.append, deadline)
        if code:
            words = next((line for line in reversed(said) if line.startswith("ERROR")), "")
            msg = f"{self.packages[0]} cannot be installed: {words or said[-1:] or code}"
            raise InfraError(msg)

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        """Keep every other process and thread out meanwhile."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(f"{self.folder}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _locked(handle):
                deadline.sleep(_POLL)
            yield
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

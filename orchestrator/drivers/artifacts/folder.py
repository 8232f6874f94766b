"""Files made once and kept by key in a folder that any number of processes may share."""

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.model.errors import InfraError
from orchestrator.ports.clock import Deadline

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*")
_POLL = 0.2  # seconds


class FolderArtifacts:
    """One file a key, beside a lock that dies with whoever holds it."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when it is first needed."""
        self._folder = folder.absolute()

    @property
    def folder(self) -> str:
        """Return where the files are."""
        return str(self._folder)

    def have(self, key: str, make: Callable[[Path], None], deadline: Deadline) -> Path:
        """Return the file of `key`, made by `make(draft)` if nobody has made it yet."""
        if not _KEY.fullmatch(key):
            msg = f"{key!r} is no key"
            raise ValueError(msg)
        path = self._folder / key
        deadline.check()
        if path.is_file():
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _locked(path, deadline):
                if not path.is_file():
                    _made(path, make)
        except OSError as error:
            msg = f"{path} cannot be kept: {error.strerror or error}; see to the disk under it"
            raise InfraError(msg) from error
        return path


@contextmanager
def _locked(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the key's lock; the kernel takes it from whoever is killed."""
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while not _acquired(handle):
            deadline.sleep(_POLL)
        yield
    finally:
        os.close(handle)


def _acquired(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _made(path: Path, make: Callable[[Path], None]) -> None:
    """Make the file beside its place, whole on disk before it has its name; the lock is ours."""
    for left in path.parent.glob(f".{path.name}.draft-*"):
        left.unlink(missing_ok=True)  # of a maker that was killed
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.draft-", dir=path.parent)
    draft = Path(name)
    try:
        make(draft)
        os.fsync(handle)
        draft.replace(path)
    finally:
        os.close(handle)
        draft.unlink(missing_ok=True)

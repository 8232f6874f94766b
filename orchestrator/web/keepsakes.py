"""What an attempt left behind: each file with its size and, once it cannot change, its checksum."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.ports.files import Files

#: bytes of the largest file whose checksum is worked out for a page
LARGEST = 64 << 20
_BLOCK = 1 << 20
_TEXTS = (".log", ".txt", ".xml", ".json", ".md", ".times", ".conf", ".cfg", ".yaml", ".ini")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepsake:
    """A kept file; `sha256` is empty while it may still grow, and of a very large one."""

    name: str
    size: int
    sha256: str

    @property
    def readable(self) -> bool:
        """Return whether it has lines that a page can show."""
        return self.name.endswith(_TEXTS)


def keepsakes(files: Files, attempt: AttemptId, *, over: bool) -> tuple[Keepsake, ...]:
    """Return the attempt's files, sorted; with checksums once it is `over`."""
    found = []
    for name in files.names(attempt):
        try:
            size = files.size(attempt, name)
            known = over and size <= LARGEST
            # A driver is hashed by its identity.
            sum_ = _digest(files, attempt, name, size) if known else ""  # type: ignore[arg-type]
        except NotFound:  # it has just been removed
            continue
        found.append(Keepsake(name=name, size=size, sha256=sum_))
    return tuple(found)


@lru_cache(maxsize=4096)
def _digest(files: Files, attempt: AttemptId, name: str, size: int) -> str:
    digest = hashlib.sha256()
    for offset in range(0, size, _BLOCK):
        digest.update(files.read(attempt, name, offset, _BLOCK))
    return digest.hexdigest()

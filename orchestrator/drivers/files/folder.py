"""Attempts' files in a folder of the orchestrator."""

import re
from pathlib import Path

from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId

#: one-time boot tokens, as consoles print them in addresses
_TOKEN = re.compile(rb"(?<=/boot/)[A-Za-z0-9_-]{32}(?=/)")
#: bytes that are read on either side, so that no token hides across the edge of an answer
MARGIN = 64
#: working folders of drivers and files with credentials: never listed, never served
PRIVATE = frozenset({"ansible", "clouds.yaml"})


class FolderFiles:
    """Reads `<root>/<attempt>/...`."""

    def __init__(self, root: Path) -> None:
        """Serve what lies below `root`."""
        self._root = root

    def names(self, attempt: AttemptId) -> tuple[str, ...]:
        """Return the kept files' names, relative to the attempt's folder, sorted."""
        folder = self._root / attempt
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return tuple(sorted(str(path) for path in found if not _private(path)))

    def size(self, attempt: AttemptId, name: str) -> int:
        """Return how many bytes the file has now; raise `NotFound` outside the folder."""
        return self._path(attempt, name).stat().st_size

    def read(self, attempt: AttemptId, name: str, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from `offset`; raise `NotFound` outside the folder."""
        path = self._path(attempt, name)
        offset = max(0, offset)
        before = min(offset, MARGIN)
        with path.open("rb") as file:
            file.seek(offset - before)
            text = _TOKEN.sub(_starred, file.read(before + limit + MARGIN))
        return text[before : before + limit]

    def _path(self, attempt: AttemptId, name: str) -> Path:
        folder = (self._root / attempt).resolve()
        path = (folder / name).resolve()
        inside = path.is_relative_to(folder) and folder.is_relative_to(self._root.resolve())
        if not inside or not path.is_file() or _private(path.relative_to(folder)):
            msg = f"{attempt} keeps no file {name!r}"
            raise NotFound(msg)
        return path


def _private(path: Path) -> bool:
    return path.parts[0] in PRIVATE or path.parts[0].startswith(".")


def _starred(token: re.Match[bytes]) -> bytes:
    """Return as many stars: positions in the file stay what they are."""
    return b"*" * len(token[0])

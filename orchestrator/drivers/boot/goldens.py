"""Golden images: installed disks, kept in a folder each under the hash of what went into them."""

import json
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "image.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One golden image."""

    key: str
    folder: Path
    #: UUID of its root file system
    root: str
    #: files that a ramdisk fetches to write it, by name
    chunks: tuple[str, ...]

    @property
    def kernel(self) -> Path:
        """Its kernel."""
        return self.folder / "linux"

    @property
    def initrd(self) -> Path:
        """Its initial RAM disk."""
        return self.folder / "initrd.gz"

    def extras(self) -> dict[str, Path]:
        """Return what a ramdisk fetches, by name."""
        return {name: self.folder / name for name in self.chunks}


class Goldens:
    """The images in one folder; others may add to it at any time."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not be there yet."""
        self._folder = folder

    def folder(self, key: str) -> Path:
        """Return where the image of that key is, or will be."""
        return self._folder / key

    def find(self, key: str) -> Golden | None:
        """Return the image of that key (or of the only key that begins so), None if there is none.

        A folder without its manifest is none: it is being made, or was left half made.
        """
        found = sorted(self._folder.glob(f"{key}*/{MANIFEST}")) if key else []
        if len(found) != 1:
            return None
        known = json.loads(found[0].read_text())
        return Golden(
            key=found[0].parent.name,
            folder=found[0].parent,
            root=known["root"],
            chunks=tuple(known["chunks"]),
        )

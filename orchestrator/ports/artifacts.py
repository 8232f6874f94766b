"""What is dear to make and the same for everybody who asks: made once, kept under a key."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from orchestrator.ports.clock import Deadline


class Artifacts(Protocol):
    """Keeps files by key; a key names all that went into its file."""

    @property
    def folder(self) -> str:
        """Return where the files are, for plays that work with them."""
        ...

    def have(self, key: str, make: Callable[[Path], None], deadline: Deadline) -> Path:
        """Return the file of `key`, made by `make(draft)` if nobody has made it yet.

        Whoever asks for it meanwhile waits; whoever is killed over it leaves nothing behind, and
        the next one makes it. What `make` raises passes through, and nothing is kept.
        """
        ...

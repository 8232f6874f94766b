"""Whether somebody signed something."""

from typing import Protocol


class Verifier(Protocol):
    """Checks signatures."""

    def genuine(self, public_key: str, message: bytes, signature: str) -> bool:
        """Return whether `signature` is that of `message` by the private half of the key."""
        ...

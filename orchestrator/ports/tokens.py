"""Who may speak to us."""

from datetime import datetime
from typing import Protocol

from orchestrator.model.access import Token


class Tokens(Protocol):
    """Who may speak to us; of what they must know only a digest is kept."""

    def add(self, token: Token, digest: str) -> None:
        """Store a token."""
        ...

    def all(self) -> tuple[Token, ...]:
        """Return every token that was ever given, the newest first."""
        ...

    def find(self, token: str) -> tuple[Token, str] | None:
        """Return the token of that id with its digest, or None."""
        ...

    def revoke(self, token: str, now: datetime) -> Token:
        """Make a token worth nothing; raise `NotFound`."""
        ...

    def used(self, token: str, now: datetime) -> None:
        """Remember when it was last shown."""
        ...

    def pin(self, token: str, public_key: str) -> str:
        """Remember what signs under the token, the first time; return what does."""
        ...

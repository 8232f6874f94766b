"""Who may speak to us."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import TOKEN, encode, instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.access import Token
from orchestrator.model.errors import NotFound


@dataclass(frozen=True, slots=True)
class Tokens:
    """`ports.store.Tokens` over a database."""

    database: Database

    def add(self, token: Token, digest: str) -> None:
        """Store a token."""
        with self.database.write() as tx:
            tx.run(
                "token_insert",
                token=token.id,
                digest=digest,
                created_at=stamp(token.created_at),
                expires_at=stamp(token.expires_at),
                value=encode(token),
            )

    def all(self) -> tuple[Token, ...]:
        """Return every token that was ever given, the newest first."""
        with self.database.read() as tx:
            return tuple(map(_token, tx.all("tokens_all")))

    def find(self, token: str) -> tuple[Token, str] | None:
        """Return the token of that id with its digest, or None."""
        with self.database.read() as tx:
            row = tx.one("token_by_id", token=token)
        return (_token(row), str(row.digest)) if row else None

    def revoke(self, token: str, now: datetime) -> Token:
        """Make a token worth nothing; raise `NotFound`."""
        with self.database.write() as tx:
            tx.run("token_revoke", token=token, at=stamp(now))
            row = tx.one("token_by_id", token=token)
        if row is None:
            msg = f"there is no token {token}; `smoketest token list` lists them"
            raise NotFound(msg)
        return _token(row)

    def used(self, token: str, now: datetime) -> None:
        """Remember when it was last shown."""
        with self.database.write() as tx:
            tx.run("token_used", token=token, at=stamp(now))

    def pin(self, token: str, public_key: str) -> str:
        """Remember what signs under the token, the first time; return what does."""
        with self.database.write() as tx:
            tx.run("token_pin", token=token, public_key=public_key)
            return str(tx.single("token_by_id", token=token).public_key)


def _token(row: Row[Any]) -> Token:
    token = TOKEN.validate_json(row.value)
    return replace(token, revoked_at=instant(row.revoked_at), used_at=instant(row.used_at))

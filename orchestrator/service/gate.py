"""The gate: tokens are given, shown and taken away here; what opens is never kept."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.model.access import Asker, Role, Token
from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Clock
from orchestrator.ports.tokens import Tokens

LONGEST_DAYS = 3650
#: how exactly it is remembered when a token was last shown
_USED = timedelta(minutes=1)
_PREFIX = "st"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new token is to be good for."""

    role: Role
    note: str
    days: float
    partner: str = ""
    archs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Gives tokens, and knows whoever shows one."""

    clock: Clock
    tokens: Tokens
    #: the local operator's own token, which is derived and not stored
    operator: Secret
    #: the partners and archs that a token can be for
    partners: Collection[str]
    archs: Collection[str]

    def give(self, order: Wish) -> tuple[Token, Secret]:
        """Store a token and return it with what opens, which nobody can show again."""
        self._check(order)
        now = self.clock.now()
        token = Token(
            id=secrets.token_hex(4),
            role=order.role,
            note=order.note,
            partner=order.partner,
            archs=order.archs,
            created_at=now,
            expires_at=now + timedelta(days=order.days),
        )
        opens = secrets.token_urlsafe(32)
        self.tokens.add(token, _digest(opens))
        return token, Secret(f"{_PREFIX}_{token.id}_{opens}")

    def all(self) -> tuple[Token, ...]:
        """Return every token, the newest first; what opens is in none of them."""
        return self.tokens.all()

    def revoke(self, token: str) -> Token:
        """Make a token worth nothing; raise `NotFound`."""
        return self.tokens.revoke(token, self.clock.now())

    def who(self, shown: str) -> Asker | None:
        """Return who shows that token, or None if it opens nothing (any more)."""
        own = self.operator.reveal().encode()
        if own and hmac.compare_digest(shown.encode(), own):
            return Asker(name="operator", role=Role.ADMIN)
        prefix, _, rest = shown.partition("_")
        name, _, opens = rest.partition("_")
        found = self.tokens.find(name) if prefix == _PREFIX else None
        # Compared even if there is no such token: the time that it takes tells nothing.
        token, digest = found or (None, _digest(""))
        right = hmac.compare_digest(_digest(opens), digest)
        now = self.clock.now()
        if token is None or not right or not token.good(now):
            return None
        if token.used_at is None or now - token.used_at > _USED:
            self.tokens.used(token.id, now)
        named = token.partner or token.note or token.id
        return Asker(
            name=named,
            role=token.role,
            partner=token.partner,
            archs=token.archs,
            token=token.id,
        )

    def _check(self, order: Wish) -> None:
        if not 0 < order.days <= LONGEST_DAYS:
            raise ConfigError(f"a token is good for more than 0 and at most {LONGEST_DAYS} days")
        if (order.role is Role.VENDOR) != bool(order.partner):
            raise ConfigError("a vendor's token is for one --partner, and no other token is")
        for kind, names, known in (
            ("partner", (order.partner,) if order.partner else (), self.partners),
            ("arch", order.archs, self.archs),
        ):
            for name in names:
                if name not in known:
                    has = ", ".join(sorted(known)) or "none"
                    raise ConfigError(f"this lab has no {kind} {name}; it has {has}")


def _digest(opens: str) -> str:
    """Return what is kept: 256 random bits need no slow hash."""
    return hashlib.sha256(opens.encode()).hexdigest()

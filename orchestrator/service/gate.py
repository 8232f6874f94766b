"""The gate: tokens are given, shown and taken away here; what opens is never kept."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase

from orchestrator.model.access import Asker, Right, Role, Token, Via, within
from orchestrator.model.errors import ConfigError, Denied, NotFound
from orchestrator.model.secret import Secret
from orchestrator.ports.accounts import Users
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
    #: whose it is; empty: the lab's
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Gives tokens, and knows whoever shows one."""

    clock: Clock
    tokens: Tokens
    users: Users
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
            user=order.user,
        )
        opens = secrets.token_urlsafe(32)
        self.tokens.add(token, _digest(opens))
        return token, Secret(f"{_PREFIX}_{token.id}_{opens}")

    def all(self) -> tuple[Token, ...]:
        """Return every token, the newest first; what opens is in none of them."""
        return self.tokens.all()

    def shown_to(self, asker: Asker) -> tuple[Token, ...]:
        """Return the tokens that the asker may see: an admin all, everybody else their own."""
        admits = asker.may(Right.ADMIT)
        return tuple(token for token in self.all() if admits or token.user == asker.name)

    def give_to(self, asker: Asker, order: Wish) -> tuple[Token, Secret]:
        """Give a token as the asker may: an admin any, everybody else one of their own.

        Raises `Denied` for one that may more than they, `ConfigError` for one that makes no sense.
        """
        if asker.may(Right.ADMIT):
            return self.give(order)
        if asker.via is not Via.SESSION or not self.users.find(asker.name):
            raise Denied(f"{asker.name} has no account here; an admin makes tokens for a lab")
        mine = replace(
            order,
            user=asker.name,
            partner=asker.partner if order.role is Role.VENDOR else "",
            archs=order.archs or asker.archs,
        )
        if order.user not in {"", asker.name} or not within(order.role, asker.role):
            raise Denied(f"{asker.name} is {asker.role}: a token cannot do more than its owner")
        if not _covered(mine.archs, asker.archs):
            raise Denied(f"{asker.name} answers for {', '.join(asker.archs)} only")
        return self.give(mine)

    def revoke_for(self, asker: Asker, token: str) -> Token:
        """Make a token worth nothing; raise `NotFound` for one that they may not see."""
        if token not in {shown.id for shown in self.shown_to(asker)}:
            raise NotFound(f"there is no token {token}; `smoketest token list` lists them")
        return self.revoke(token)

    def revoke(self, token: str) -> Token:
        """Make a token worth nothing; raise `NotFound`."""
        return self.tokens.revoke(token, self.clock.now())

    def who(self, shown: str) -> Asker | None:
        """Return who shows that token, or None if it opens nothing (any more)."""
        own = self.operator.reveal().encode()
        if own and hmac.compare_digest(shown.encode(), own):
            return Asker(name="operator", role=Role.ADMIN, via=Via.HOME)
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
        return self._owned(token) if token.user else _of_the_lab(token)

    def _owned(self, token: Token) -> Asker | None:
        """Return the owner with what the token may, but no more than they may themselves now."""
        found = self.users.find(token.user)
        if found is None or found[0].disabled:
            return None
        user = found[0]
        whole = within(token.role, user.role) and token.partner in {"", user.partner}
        return Asker(
            name=user.name,
            role=token.role if whole else user.role,
            partner=user.partner,
            archs=token.archs if _covered(token.archs, user.archs) else user.archs,
            token=token.id,
        )

    def _check(self, order: Wish) -> None:
        if not 0 < order.days <= LONGEST_DAYS:
            raise ConfigError(f"a token is good for more than 0 and at most {LONGEST_DAYS} days")
        if (order.role is Role.VENDOR) != bool(order.partner):
            raise ConfigError("a vendor's token is for one --partner, and no other token is")
        if order.user and not self.users.find(order.user):
            raise NotFound(f"there is no user {order.user}; `smoketest user list` lists them")
        for kind, names, known in (
            ("partner", (order.partner,) if order.partner else (), self.partners),
            ("arch", order.archs, self.archs),
        ):
            for name in names:
                if name not in known and "*" not in name:
                    has = ", ".join(sorted(known)) or "none"
                    raise ConfigError(f"this lab has no {kind} {name}; it has {has}")


def _covered(archs: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    """Return whether `archs` are no more than `globs`; none of either is all."""
    if not archs or not globs:
        return not globs
    return all(any(fnmatchcase(arch, glob) for glob in globs) for arch in archs)


def _of_the_lab(token: Token) -> Asker:
    return Asker(
        name=token.partner or token.note or token.id,
        role=token.role,
        partner=token.partner,
        archs=token.archs,
        token=token.id,
    )


def _digest(opens: str) -> str:
    """Return what is kept: 256 random bits need no slow hash."""
    return hashlib.sha256(opens.encode()).hexdigest()

"""How people come in: `[accounts]` of the lab file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.config import values
from orchestrator.model.access import Role
from orchestrator.model.account import Grant, Rules
from orchestrator.model.document import Entry, hint
from orchestrator.model.secret import Secret

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """`[accounts.oidc]`: an OpenID Connect provider, and what its groups are here."""

    #: as people know it
    name: str
    issuer: str
    client_id: str
    client_secret: Secret
    #: file of certificates that its own is checked against; empty: the system's
    certificates: str
    groups_claim: str
    name_claim: str
    scopes: tuple[str, ...]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everything that `[accounts]` says."""

    rules: Rules = field(default_factory=Rules)
    oidc: Oidc | None = None


def accounts(entry: Entry, home: Path, partners: Mapping[str, object]) -> People:
    """Return what `[accounts]` says, with the usual rules where it is silent."""
    entry.table("anonymous_read", "local", "idle", "longest", "oidc", "requests", "proxies")
    usual = Rules()
    rules = Rules(
        anonymous_read=entry["anonymous_read"].flag(default=usual.anonymous_read),
        local=entry["local"].flag(default=usual.local),
        idle=timedelta(seconds=entry["idle"].seconds(usual.idle.total_seconds())),
        longest=timedelta(seconds=entry["longest"].seconds(usual.longest.total_seconds())),
        requests=entry["requests"].integer(usual.requests, least=1),
        proxies=tuple(_network(entry["proxies"], text) for text in entry["proxies"].texts()),
    )
    oidc = entry["oidc"]
    return People(rules=rules, oidc=_oidc(oidc, home, partners) if oidc.written else None)


def _network(entry: Entry, text: str) -> str:
    try:
        return str(ip_network(text, strict=False)) if "/" in text else str(ip_address(text))
    except ValueError:
        raise entry.wrong(f"`{text}` is no address of a proxy, e.g. 10.0.0.5") from None


def _oidc(entry: Entry, home: Path, partners: Mapping[str, object]) -> Oidc:
    entry.table(
        *("name", "issuer", "client_id", "client_secret", "certificates"),
        *("scopes", "groups_claim", "name_claim", "grants"),
    )
    issuer = values.open_url(entry["issuer"])
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise entry["issuer"].wrong("`issuer` is not https: whoever listens could sign in as you")
    certificates = entry["certificates"]
    grants = tuple(_grant(one, partners) for one in entry["grants"].items())
    if not grants:
        raise entry.wrong("`grants` names no group, so nobody could come in; add one")
    return Oidc(
        name=entry["name"].text(str(parts.hostname)),
        issuer=issuer,
        client_id=entry["client_id"].text(),
        client_secret=values.secret(entry["client_secret"], home),
        certificates=values.file(certificates, home) if certificates.written else "",
        groups_claim=entry["groups_claim"].text("groups"),
        name_claim=entry["name_claim"].text("preferred_username"),
        scopes=entry["scopes"].texts() or ("openid", "profile", "email"),
        grants=grants,
    )


def _grant(entry: Entry, partners: Mapping[str, object]) -> Grant:
    entry.table("group", "role", "archs", "partner")
    role = Role(entry["role"].one_of([role.value for role in Role]))
    partner = entry["partner"].text("")
    if (role is Role.VENDOR) != bool(partner):
        raise entry.wrong("a vendor's grant names its `partner`, and no other does; mend it")
    if partner and partner not in partners:
        raise entry["partner"].wrong(f"no partner is called `{partner}`; {hint(partner, partners)}")
    archs = entry["archs"].texts()
    if archs and role is not Role.LIEUTENANT:
        raise entry["archs"].wrong("only a lieutenant answers for archs; remove `archs`")
    return Grant(group=entry["group"].text(), role=role, archs=archs, partner=partner)

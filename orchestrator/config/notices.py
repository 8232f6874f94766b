"""Whom the lab tells what: `[people]`, `[mail]` and `[notices.NAME]` of the lab file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.config import values
from orchestrator.model.document import Entry
from orchestrator.model.notice import STATES, Subscription
from orchestrator.model.request import Lane
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict


class By(StrEnum):
    """What carries a notice."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    CHAT = "apprise"
    #: no words for people: each end as spans of a trace, for OpenTelemetry
    TRACES = "otlp"


class Form(StrEnum):
    """How a webhook is written."""

    OURS = "smoketest"
    CDEVENTS = "cdevents"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Who takes our mail."""

    server: str
    port: int
    sender: str
    starttls: bool
    user: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One `[notices.NAME]`: who is told what, and how."""

    subscription: Subscription
    by: By
    #: of webhooks and apprise
    url: Secret
    secret: Secret
    form: Form = Form.OURS
    inside: bool = False
    #: of traces: what the collector wants to be shown
    token: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything about notices."""

    #: addresses by the names that archs and requests use for people
    people: Mapping[str, str] = field(default_factory=dict)
    mail: MailServer | None = None
    notices: tuple[Notice, ...] = ()
    #: what Jenkins clients want called may lead into our own network
    callbacks_inside: bool = False


_NONE = Secret("")
#: what goes to an address of HTTP
_PLAIN = frozenset({By.WEBHOOK, By.TRACES})
_LANES = [lane.value for lane in Lane]
_TOLD = [state.value for state in STATES]
_SHARED = ("by", "to", "archs", "repos", "refs", "lanes", "on", "every", "digest")
_OWN = {
    By.MAIL: (),
    By.WEBHOOK: ("url", "secret", "form", "inside"),
    By.CHAT: ("url",),
    By.TRACES: ("url", "inside", "token"),
}


def told(lab: Entry, home: Path) -> Told:
    """Return what the lab file says about telling people."""
    people = {name: _mail_address(entry) for name, entry in lab["people"].table().items()}
    mail = _server(lab["mail"], home) if lab["mail"].written else None
    found = tuple(_notice(name, entry, home) for name, entry in lab["notices"].table().items())
    for notice in found:
        if notice.by is By.MAIL and mail is None:
            where = lab["notices"][notice.subscription.name]
            raise where.wrong(f"`{where.name}` goes by mail, and there is no `[mail]`; add it")
    lab["callbacks"].table("inside")
    inside = lab["callbacks"]["inside"].flag(default=False)
    return Told(people=people, mail=mail, notices=found, callbacks_inside=inside)


def _server(entry: Entry, home: Path) -> MailServer:
    entry.table("server", "port", "from", "starttls", "user", "password")
    user = entry["user"].text("")
    return MailServer(
        server=values.address(entry["server"]),
        port=values.port(entry["port"], 587),
        sender=_mail_address(entry["from"]),
        starttls=entry["starttls"].flag(default=True),
        user=user,
        password=values.secret(entry["password"], home) if user else _NONE,
    )


def _notice(name: str, entry: Entry, home: Path) -> Notice:
    by = By(entry["by"].one_of([kind.value for kind in By]))
    entry.table(*_SHARED, *_OWN[by])
    form = Form(entry["form"].one_of([known.value for known in Form], Form.OURS))
    if by is By.MAIL and not entry["to"].texts():
        raise entry.wrong(f"`{entry.name}.to` is missing; write whom to tell, e.g. lieutenants")
    subscription = _subscription(name, entry, moments=form is Form.CDEVENTS)
    if by is By.TRACES:
        subscription = replace(subscription, every=True, on=tuple(Verdict), digest=0)
    return Notice(
        subscription=subscription,
        by=by,
        url=_NONE if by is By.MAIL else _url(entry["url"], home, plain=by in _PLAIN),
        token=values.secret(entry["token"], home) if entry["token"].written else _NONE,
        secret=values.secret(entry["secret"], home) if by is By.WEBHOOK else _NONE,
        form=form,
        inside=entry["inside"].flag(default=False),
    )


def _subscription(name: str, entry: Entry, *, moments: bool) -> Subscription:
    lanes = [Lane(item.one_of([lane.value for lane in Lane])) for item in entry["lanes"].items()]
    told_of = [
        Verdict(item.one_of([state.value for state in STATES])) for item in entry["on"].items()
    ]
    return Subscription(
        name=name,
        to=entry["to"].texts(),
        archs=entry["archs"].texts() or ("*",),
        repos=entry["repos"].texts() or ("*",),
        refs=entry["refs"].texts() or ("*",),
        lanes=tuple(lanes) or tuple(Lane),
        on=tuple(told_of) or STATES,
        every=entry["every"].flag(default=False),
        moments=moments,
        digest=0 if moments else entry["digest"].seconds(60),
    )


def _url(entry: Entry, home: Path, *, plain: bool) -> Secret:
    """Return the URL, which may be a secret: `env:NAME` or `file:PATH`."""
    text = entry.text()
    if text.startswith(("env:", "file:")):
        return values.secret(entry, home)
    if plain and urlsplit(text).scheme not in {"http", "https"}:
        raise entry.wrong(f"`{entry.name}` is no http or https address; mend it")
    return Secret(text)


def _mail_address(entry: Entry) -> str:
    text = entry.text()
    name, _, domain = text.rpartition("@")
    if not name or not domain or not text.isprintable():
        raise entry.wrong(f"`{text}` is no mail address; write one such as kvm@example.com")
    return text

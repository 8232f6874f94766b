"""The mailroom of a lab: a subscription and a courier for each `[notices.NAME]`."""

from functools import partial

from orchestrator.config.notices import By, Form, MailServer, Notice
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.callback import Callback
from orchestrator.drivers.notify.chat import Chat
from orchestrator.drivers.notify.mail import Mail
from orchestrator.drivers.notify.otlp import Traces
from orchestrator.drivers.notify.webhook import Webhook, key
from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import Bug
from orchestrator.model.ids import RunId
from orchestrator.model.job import CALLBACK_URL, CALLBACKS
from orchestrator.model.notice import Change, Subscription
from orchestrator.model.verdict import Verdict
from orchestrator.ports.items import Items
from orchestrator.ports.notify import Courier
from orchestrator.service.mailroom import Mailroom
from orchestrator.wiring.lab import LabParts

#: every end is told at once
WANTED = Subscription(name=CALLBACKS, every=True, on=tuple(Verdict), digest=0)


def mailroom(lab: LabParts, store: Store, url: str, orchestrator: str) -> Mailroom:
    """Return what tells people; raise `ConfigError` for a secret that cannot sign."""
    pages = lab.url or url
    notices = {notice.subscription.name: notice for notice in lab.told.notices}
    traced = {name: notice for name, notice in notices.items() if notice.by is By.TRACES}
    spoken = {name: notice for name, notice in notices.items() if name not in traced}
    return Mailroom(
        clock=SystemClock(),
        notices=store.notices,
        subscriptions={
            **{name: notice.subscription for name, notice in notices.items()},
            CALLBACKS: WANTED,
        },
        couriers={
            **{name: _courier(n, lab.told.mail, pages) for name, n in spoken.items()},
            **{name: _traces(n, store, pages, orchestrator) for name, n in traced.items()},
            CALLBACKS: Callback(items=store.items, pages=pages, inside=lab.told.callbacks_inside),
        },
        people=lab.told.people,
        told={CALLBACKS: partial(called, store.items)},
    )


def called(items: Items, change: Change) -> tuple[str, ...]:
    """Return the number of the build that ended, if who asked for it wants to be called."""
    item = items.find(RunId(change.run))
    wanted = item and item.arch == change.arch and item.parameters.get(CALLBACK_URL)
    return (str(change.run),) if wanted else ()


def _traces(notice: Notice, store: Store, pages: str, orchestrator: str) -> Courier:
    return Traces(
        url=notice.url,
        events=store.events,
        runs=store.runs,
        pages=pages,
        orchestrator=orchestrator,
        token=notice.token,
        inside=notice.inside,
    )


def _courier(notice: Notice, mail: MailServer | None, pages: str) -> Courier:
    if notice.by is By.WEBHOOK:
        key(notice.secret)
        return Webhook(
            url=notice.url,
            secret=notice.secret,
            pages=pages,
            as_cdevents=notice.form is Form.CDEVENTS,
            inside=notice.inside,
        )
    if notice.by is By.CHAT:
        return Chat(url=notice.url, pages=pages)
    if mail is None:
        raise Bug("a notice by mail, and no mail server")
    return Mail(
        server=mail.server,
        port=mail.port,
        sender=mail.sender,
        starttls=mail.starttls,
        user=mail.user,
        password=mail.password,
        url=pages,
    )

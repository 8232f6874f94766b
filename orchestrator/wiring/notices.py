"""The mailroom of a lab: a subscription and a courier for each `[notices.NAME]`."""

from orchestrator.config.notices import By, Form, MailServer, Notice
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.chat import Chat
from orchestrator.drivers.notify.mail import Mail
from orchestrator.drivers.notify.webhook import Webhook, key
from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import Bug
from orchestrator.ports.notify import Courier
from orchestrator.service.mailroom import Mailroom
from orchestrator.wiring.lab import LabParts


def mailroom(lab: LabParts, store: Store, url: str) -> Mailroom:
    """Return what tells people; raise `ConfigError` for a secret that cannot sign."""
    pages = lab.url or url
    notices = {notice.subscription.name: notice for notice in lab.told.notices}
    return Mailroom(
        clock=SystemClock(),
        notices=store.notices,
        subscriptions={name: notice.subscription for name, notice in notices.items()},
        couriers={name: _courier(n, lab.told.mail, pages) for name, n in notices.items()},
        people=lab.told.people,
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

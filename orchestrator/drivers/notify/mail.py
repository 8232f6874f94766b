"""Notices by mail, in threads: one for each arch of a branch."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from orchestrator.drivers.notify import wording
from orchestrator.model.errors import Refused, Undelivered
from orchestrator.model.notice import Change, Message
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

_ANSWER_SECONDS = 20.0
#: SMTP replies from here on are for good
_FOR_GOOD = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Hands messages to one mail server."""

    server: str
    port: int
    sender: str
    #: demand encryption before anything is said
    starttls: bool = True
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    #: where people reach the pages
    url: str

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Send the message; a repeat has the same Message-ID."""
        deadline.check()
        letter = compose(message, self.sender, self.url)
        try:
            with smtplib.SMTP(
                self.server, self.port, timeout=min(_ANSWER_SECONDS, deadline.left() or 1)
            ) as server:
                self._enter(server)
                server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(code, said) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            msg = f"the mail server {self.server}:{self.port} did not take it: {error}"
            raise Undelivered(msg) from error

    def _enter(self, server: smtplib.SMTP) -> None:
        if self.starttls:
            server.starttls(context=ssl.create_default_context())
        if self.user:
            server.login(self.user, self.password.reveal())


def compose(message: Message, sender: str, url: str) -> EmailMessage:
    """Return the mail; raise `Refused` for an address that cannot be one."""
    letter = EmailMessage()
    domain = sender.rpartition("@")[2].rstrip(">")
    threads = [f"<{_thread(change)}@{domain}>" for change in message.changes]
    references = " ".join(dict.fromkeys(threads))
    headers = {
        "From": sender,
        "To": message.recipient,
        "Subject": _line(wording.headline(message)),
        "Date": format_datetime(message.made_at),
        "Message-ID": f"<{message.id}@{domain}>",
        "In-Reply-To": threads[0],
        "References": references,
        "List-Id": f"smoketest {message.subscription} <{message.subscription}.smoketest.{domain}>",
        "Auto-Submitted": "auto-generated",
    }
    try:
        for name, value in headers.items():
            letter[name] = value
        letter.set_content(wording.body(message, url))
    except (ValueError, MessageError) as error:
        msg = f"no mail can be sent to {message.recipient!r} from {sender!r}: {error}"
        raise Refused(msg) from error
    return letter


def _thread(change: Change) -> str:
    named = "\0".join((change.repo, change.ref, change.arch))
    return f"thread.{sha256(named.encode()).hexdigest()[:24]}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _refusal(code: int, said: bytes | str) -> Undelivered:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    kind = Refused if code >= _FOR_GOOD else Undelivered
    return kind(f"the mail server said {code} {_line(text)}")

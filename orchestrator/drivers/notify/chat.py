"""Notices through apprise: chat rooms, pagers and a hundred services more, by one URL each."""

from dataclasses import dataclass
from importlib import import_module

from orchestrator.drivers.notify import wording
from orchestrator.model.errors import ConfigError, Undelivered
from orchestrator.model.notice import Message
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Sends messages to one apprise URL."""

    url: Secret
    #: where people reach the pages
    pages: str

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Send the message once; apprise says only whether somebody took it."""
        deadline.check()
        try:
            apprise = import_module("apprise")
        except ImportError as error:
            msg = "apprise is not installed; type: pip install 'smoketest-orchestrator[chat]'"
            raise ConfigError(msg) from error
        room = apprise.Apprise()
        if not room.add(self.url.reveal()):
            raise ConfigError("apprise knows no service by that URL; see its list of URLs")
        text = wording.body(message, self.pages)
        if not room.notify(title=wording.headline(message), body=text):
            raise Undelivered("the service behind the apprise URL did not take it")

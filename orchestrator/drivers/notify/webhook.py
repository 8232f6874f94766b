"""Notices as Standard Webhooks (standardwebhooks.com): signed, and known by their id."""

import base64
import binascii
import hmac
import json
import time
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from orchestrator.drivers.notify import cdevents, outward, wording
from orchestrator.model.errors import ConfigError, Refused, Undelivered
from orchestrator.model.notice import Change, Message
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Posts messages to one URL."""

    url: Secret
    secret: Secret
    #: where people reach the pages
    pages: str
    #: CDEvents instead of our own form
    as_cdevents: bool = False
    #: the URL may lead into our own network
    inside: bool = False

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Post the message; a repeat has the same `webhook-id` and a time of its own.

        As CDEvents it may be several posts; one that is not taken repeats those before it.
        """
        for name, shape in self._shapes(message):
            self._post(name, shape, deadline)

    def _post(self, name: str, shape: object, deadline: Deadline) -> None:
        body = json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode()
        stamp = int(time.time())
        kind = "application/cloudevents+json" if self.as_cdevents else "application/json"
        headers = {
            "Content-Type": kind,
            "User-Agent": "smoketest",
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self.secret, name, stamp, body),
        }
        answer = outward.post(self.url.reveal(), headers, body, deadline, inside=self.inside)
        if answer.status == HTTPStatus.GONE:
            raise Refused("the receiver says 410: it wants no more of these")
        if answer.status // 100 != 2:
            msg = f"the receiver answered {answer.status} {' '.join(answer.text.split())[:80]}"
            raise Undelivered(msg.rstrip())

    def _shapes(self, message: Message) -> list[tuple[str, dict[str, object]]]:
        """Return what is posted, each under its id."""
        if self.as_cdevents:
            return [(str(one["id"]), one) for one in cdevents.events(message, self.pages)]
        shape: dict[str, object] = {
            "type": "smoketest.changed",
            "timestamp": message.made_at.isoformat(),
            "data": {
                "subscription": message.subscription,
                "summary": wording.headline(message),
                "changes": [_shape(change, self.pages) for change in message.changes],
            },
        }
        return [(message.id, shape)]


def sign(secret: Secret, name: str, stamp: int, body: bytes) -> str:
    """Return the signature header; raise `ConfigError` for a secret that is none."""
    signed = f"{name}.{stamp}.".encode() + body
    made = hmac.new(key(secret), signed, sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def key(secret: Secret) -> bytes:
    """Return the key within `whsec_...`; raise `ConfigError`."""
    try:
        return base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("a webhook's secret is whsec_ and base64") from error


def _shape(change: Change, url: str) -> dict[str, object]:
    ruling = change.ruling
    return {
        "attempt": change.attempt,
        "run": change.run,
        "repo": change.repo,
        "ref": change.ref,
        "sha": change.sha,
        "subject": change.subject,
        "arch": change.arch,
        "voting": change.voting,
        "verdict": ruling.verdict if ruling else None,
        "before": change.before,
        "decides": change.decides,
        "blame": ruling.blame if ruling else None,
        "cause": ruling.cause if ruling else "",
        "requester": change.requester,
        "lane": change.lane,
        "at": change.at.isoformat(),
        "url": wording.address(change, url),
    }

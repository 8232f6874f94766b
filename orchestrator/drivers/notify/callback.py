"""The end of a build, told to the pipeline that asked for it: Jenkins' webhook-step."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from orchestrator.drivers.notify import outward, wording
from orchestrator.model.errors import Refused, Undelivered
from orchestrator.model.ids import RunId
from orchestrator.model.job import CALLBACK_TOKEN, CALLBACK_URL, RESULTS, Item
from orchestrator.model.notice import Change, Message
from orchestrator.ports.clock import Deadline
from orchestrator.ports.items import Items

#: what is said for good: a wrong token, or an address where nothing ever was
_FOR_GOOD = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Posts to the address that came with a build; a message's recipient is the build's number."""

    items: Items
    #: where people reach the pages
    pages: str
    #: the address may lead into our own network
    inside: bool = False

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Post the end of the build; a 202 (nobody waits yet) is tried again."""
        item = self.items.find(RunId(int(message.recipient)))
        if item is None:
            raise Refused(f"nobody asked for a build {message.recipient}")
        headers = {"Content-Type": "application/json", "User-Agent": "smoketest"}
        if token := item.parameters.get(CALLBACK_TOKEN):
            headers["Authorization"] = token
        url = item.parameters[CALLBACK_URL]
        body = json.dumps(_shape(item, message.changes[-1], self.pages)).encode()
        answer = outward.post(url, headers, body, deadline, inside=self.inside)
        if answer.status in _FOR_GOOD:
            raise Refused(f"whoever asked answers {answer.status}: the call is not wanted there")
        if answer.status == HTTPStatus.ACCEPTED:
            raise Undelivered("nobody waits for the call yet (202)")
        if answer.status // 100 != 2:
            raise Undelivered(f"whoever asked answers {answer.status}")


def _shape(item: Item, change: Change, pages: str) -> dict[str, object]:
    """Return the build as Jenkins' notification plugin would tell of it."""
    ruling = change.ruling
    return {
        "name": item.job,
        "build": {
            "number": item.run,
            "queue_id": item.run,
            "phase": "FINALIZED",
            "status": RESULTS[ruling.verdict] if ruling else None,
            "full_url": wording.address(change, pages),
            "notes": ruling.cause if ruling else "",
            "scm": {"branch": change.ref, "commit": change.sha},
        },
    }

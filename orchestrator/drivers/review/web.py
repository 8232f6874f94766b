"""Requests to a review system's REST API, and the hints that its hooks bring."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from orchestrator.model.errors import Undelivered
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

_ANSWER_SECONDS = 30.0
_LOOK_SECONDS = 1.0
#: what Gerrit's answers begin with, so that no browser runs them
_GUARD = ")]}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API, spoken to as one user."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: HTTP Basic, where that is how it is done
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))

    def get(self, path: str, deadline: Deadline, **query: str | int) -> Any:  # noqa: ANN401  # JSON
        """Return what is there, None for 404; raise `Undelivered`."""
        return self._exchange("GET", path, deadline, query, None)

    def post(self, path: str, deadline: Deadline, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Return the answer; raise `Undelivered`."""
        return self._exchange("POST", path, deadline, {}, body)

    def patch(self, path: str, deadline: Deadline, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Return the answer; raise `Undelivered`."""
        return self._exchange("PATCH", path, deadline, {}, body)

    def pages(self, path: str, deadline: Deadline, **query: str | int) -> list[Any]:
        """Return the items of every page of a list."""
        found: list[Any] = []
        for page in range(1, 101):
            items = self.get(path, deadline, **query, per_page=100, page=page) or []
            found += items
            if len(items) < 100:
                break
        return found

    def _exchange(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: Mapping[str, str | int],
        body: Mapping[str, object] | None,
    ) -> Any:  # noqa: ANN401
        deadline.check()
        timeout = min(_ANSWER_SECONDS, deadline.left() or 1)
        auth = httpx.BasicAuth(self.user, self.password.reveal()) if self.user else None
        try:
            with httpx.Client(trust_env=False, timeout=timeout, auth=auth) as client:
                answer = client.request(
                    method, f"{self.url}{path}", params=query, json=body, headers=self.headers
                )
        except httpx.HTTPError as error:
            msg = f"{self.url} does not answer ({type(error).__name__})"
            raise Undelivered(msg) from error
        if answer.status_code == httpx.codes.NOT_FOUND and method == "GET":
            return None
        if not answer.is_success:
            said = " ".join(answer.text.split())[:160]
            raise Undelivered(f"{self.url}{path} answered {answer.status_code} {said}".rstrip())
        return _json(answer.text, self.url)


def _json(text: str, url: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text.removeprefix(_GUARD)) if text.strip() else None
    except ValueError as error:
        msg = f"{url} sent no JSON: is it the address of its API?"
        raise Undelivered(msg) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Hints in the order in which they came, and a look at everything now and then."""

    #: seconds between looks at everything: hooks get lost
    every: float = 600
    hints: "SimpleQueue[str]" = field(default_factory=SimpleQueue, repr=False)

    def listen(
        self, heard: Callable[[str], None], missed: Callable[[], None], over: Callable[[], bool]
    ) -> None:
        """Hand on what comes, until `over`."""
        waited = self.every
        while not over():
            if waited >= self.every:
                missed()
                waited = 0.0
            try:
                heard(self.hints.get(timeout=min(_LOOK_SECONDS, self.every)))
            except Empty:
                waited += min(_LOOK_SECONDS, self.every)

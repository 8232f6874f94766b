"""Repeated writes: what comes with an `Idempotency-Key` is done once and answered the same again.

The answer is in the store, so that a restart forgets nothing. A write that a kill cut off is done
again when it is repeated: every verb of the desk may be, and a run is stored once for its key.
"""

import hashlib
import re
import secrets
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.model.verdict import Blame
from orchestrator.ports.answers import Answer, Answers, Known
from orchestrator.ports.clock import Clock
from orchestrator.service.gate import Gate
from orchestrator.web.problems import Problem, encoded

HEADER = "idempotency-key"
_KEY = re.compile(r"[!-~]{1,255}")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
#: their answers hold what opens, or what nobody else may see: never kept
_SECRET = ("/api/tokens", "/api/users", "/api/partner/")
#: bytes; patches are what is large
LARGEST_BODY = 32 << 20
#: more than that is no answer of ours
_LARGEST_ANSWER = 8 << 20


@dataclass(slots=True)
class _Heard:
    """An answer, as it was sent."""

    status: int = 0
    kind: str = ""
    parts: MutableSequence[bytes] = field(default_factory=list)

    @property
    def answer(self) -> Answer | None:
        """Return it to be kept; None for what may be otherwise the next time."""
        body = b"".join(self.parts)
        passing = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
        final = 0 < self.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.status not in passing
        if not final or len(body) > _LARGEST_ANSWER:
            return None
        return Answer(status=self.status, kind=self.kind, body=body.decode("utf-8", "replace"))


class Repeats:
    """ASGI middleware over the writes of the API."""

    def __init__(self, app: ASGIApp, answers: Answers, gate: Gate, clock: Clock) -> None:
        """Take the application to wrap, where answers are kept, and who knows tokens."""
        self._app = app
        self._answers = answers
        self._gate = gate
        self._clock = clock
        self._owner = secrets.token_hex(8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a repeat as before; let anything else through."""
        key = Headers(scope=scope).get(HEADER) if _kept(scope) else None
        if key is None:
            await self._app(scope, receive, send)
            return
        shown = Headers(scope=scope).get("authorization", "").partition(" ")[2].strip()
        asker = await run_in_threadpool(self._gate.who, shown) if shown else None
        if asker is None:  # refused as ever, and nothing is kept for it
            await self._app(scope, receive, send)
        elif not _KEY.fullmatch(key):
            await _problem(send, _BAD)
        else:
            body = await _body(receive)
            if body is None:
                await _problem(send, _LARGE)
            else:
                await self._once(scope, body, send, _digest(shown, key))

    async def _once(self, scope: Scope, body: bytes, send: Send, key: str) -> None:
        print_ = _digest(scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
        print_ = _digest(print_, hashlib.sha256(body).hexdigest())
        now = self._clock.now()
        known = await run_in_threadpool(self._answers.begin, key, print_, self._owner, now)
        if known:
            await _again(send, known, same=known.fingerprint == print_)
            return
        heard = _Heard()
        try:
            await self._app(scope, _replay(body), _hearing(heard, send))
        finally:
            if answer := heard.answer:
                await run_in_threadpool(self._answers.keep, key, self._owner, answer)
            else:
                await run_in_threadpool(self._answers.drop, key, self._owner)


def _kept(scope: Scope) -> bool:
    api = scope["type"] == "http" and scope["path"].startswith("/api/")
    return api and scope["method"] in _WRITES and not scope["path"].startswith(_SECRET)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


async def _body(receive: Receive) -> bytes | None:
    """Return all of the body; None if it is too large, and the rest is left."""
    parts: list[bytes] = []
    left = LARGEST_BODY
    while left >= 0:
        message = await receive()
        parts.append(message.get("body", b""))
        left -= len(parts[-1])
        if not message.get("more_body"):
            return b"".join(parts)
    return None


def _replay(body: bytes) -> Receive:
    """Return what gives the body again, once, and then waits as a connection does."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


def _hearing(heard: _Heard, send: Send) -> Send:
    async def hearing(message: Message) -> None:
        if message["type"] == "http.response.start":
            heard.status = message["status"]
            heard.kind = MutableHeaders(scope=message).get("content-type", "")
        elif message["type"] == "http.response.body":
            heard.parts.append(message.get("body", b""))
        await send(message)

    return hearing


async def _again(send: Send, known: Known, *, same: bool) -> None:
    if not same:
        await _problem(send, _OTHER)
    elif known.answer is None:
        await _problem(send, _BUSY, ("retry-after", "1"))
    else:
        body = known.answer.body.encode()
        await _send(
            send, known.answer.status, known.answer.kind, body, ("idempotency-replayed", "true")
        )


async def _problem(send: Send, problem: Problem, *more: tuple[str, str]) -> None:
    await _send(send, problem.status, "application/problem+json", encoded(problem), *more)


async def _send(send: Send, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
    headers = [("content-length", str(len(body))), *more]
    headers += [("content-type", kind)] if kind else []
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


_BAD = Problem(
    type="urn:smoketest:problem:bad-idempotency-key",
    title="The Idempotency-Key cannot be used.",
    status=int(HTTPStatus.BAD_REQUEST),
    detail="Idempotency-Key: 1 to 255 printable ASCII characters without spaces are understood",
    blame=Blame.CONFIG,
    next="send a UUID, a new one for each thing that you want done",
)
_OTHER = Problem(
    type="urn:smoketest:problem:idempotency-key-reused",
    title="The Idempotency-Key came before with another request.",
    status=int(HTTPStatus.UNPROCESSABLE_ENTITY),
    detail="Idempotency-Key: this key came within the last day with another address or body",
    blame=Blame.CONFIG,
    next="send another key, or the very same request as the first time",
)
_BUSY = Problem(
    type="urn:smoketest:problem:still-answering",
    title="The first request with this Idempotency-Key is not answered yet.",
    status=int(HTTPStatus.CONFLICT),
    detail="Idempotency-Key: the first request that came with it is still being worked on",
    blame=Blame.CONFIG,
    next="ask again with the same key after `Retry-After`; you are told what the first one was",
)
_LARGE = Problem(
    type="urn:smoketest:problem:content-too-large",
    title="Content Too Large.",
    status=int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    detail=f"the body has more than {LARGEST_BODY} bytes",
    blame=Blame.CONFIG,
    next="send less, or in parts",
)

"""Rate limits: each token, and each address without one, may ask so often and no more.

Told as the IETF's `RateLimit` fields have it: `RateLimit-Policy: "default";q=600;w=60` and
`RateLimit: "default";r=599;t=1`.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.model.verdict import Blame
from orchestrator.web.problems import Problem, encoded

#: so many askers are remembered, the ones of lately
_KEPT = 10_000
#: a token that opens nothing counts so often against where it came from
_WRONG = 20
_WHERE = ("/api/", "/badges/", "/feeds/", "/metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many requests anybody may make within a window of seconds; unused ones are kept."""

    requests: int = 6000
    seconds: int = 60


@dataclass(slots=True)
class _Bucket:
    """What is left, as of when."""

    left: float
    at: float


class Limits:
    """ASGI middleware: answers 429 with `Retry-After` whoever asks too often."""

    def __init__(self, app: ASGIApp, allowance: Allowance, clock: Callable[[], float]) -> None:
        """Take the application to wrap, and what everybody is allowed."""
        self._app = app
        self._allowance = allowance
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._policy = f'"default";q={allowance.requests};w={allowance.seconds}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if there is some left for its asker."""
        if scope["type"] != "http" or not scope["path"].startswith(_WHERE):
            await self._app(scope, receive, send)
            return
        host = (scope.get("client") or ("",))[0]
        asker, wrong = _asker(scope, host), f"wrong tokens from {host}"
        least = min((self._bucket(name) for name in (asker, wrong)), key=lambda one: one.left)
        if least.left < 1:
            await self._refuse(least, send)
            return
        mine = self._bucket(asker)
        mine.left -= 1

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == HTTPStatus.UNAUTHORIZED:
                    self._bucket(wrong).left -= _WRONG
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = self._policy
                headers["RateLimit"] = f'"default";r={max(0, int(mine.left))};t={self._wait(mine)}'
            await send(message)

        await self._app(scope, receive, told)

    def _bucket(self, name: str) -> _Bucket:
        """Return what is left for the asker now."""
        now, most = self._clock(), self._allowance.requests
        bucket = self._buckets.setdefault(name, _Bucket(left=most, at=now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        gained = (now - bucket.at) * most / self._allowance.seconds
        bucket.left, bucket.at = min(most, bucket.left + gained), now
        return bucket

    def _wait(self, bucket: _Bucket) -> int:
        """Return the whole seconds until there is one more, at least 1."""
        rate = self._allowance.requests / self._allowance.seconds
        return max(1, math.ceil((1 - bucket.left) / rate))

    async def _refuse(self, bucket: _Bucket, send: Send) -> None:
        wait = self._wait(bucket)
        problem = Problem(
            type="urn:smoketest:problem:too-many-requests",
            title="Too many requests.",
            status=int(HTTPStatus.TOO_MANY_REQUESTS),
            detail=f"more than {self._allowance.requests} requests in {self._allowance.seconds} s",
            blame=Blame.CONFIG,
            next=f"ask again in {wait} s; to hear of news, listen to /api/events instead of asking",
        )
        headers = {
            "Content-Type": "application/problem+json",
            "Retry-After": str(wait),
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"default";r=0;t={wait}',
        }
        body = encoded(problem)
        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        start = {"type": "http.response.start", "status": problem.status, "headers": raw}
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _asker(scope: Scope, host: str) -> str:
    """Return whose share a request is of: that of its token, or of where it comes from."""
    shown = Headers(scope=scope).get("authorization", "")
    return f"token {hashlib.sha256(shown.encode()).hexdigest()}" if shown else f"address {host}"

"""Entity tags: who has an answer already is told so, and is not sent it again."""

from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: below these addresses answers are whole values, and small enough to be looked at
_WHERE = ("/api/", "/badges/", "/feeds/")
#: what a `304 Not Modified` must not say (RFC 9110, 15.4.5)
_LEFT_OUT = frozenset({"content-length", "content-type", "content-encoding"})


class Tags:
    """ASGI middleware: an `ETag` for every answer to a GET, and 304 for `If-None-Match`."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application to wrap."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tag its answer unless that is a stream."""
        tagged = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not tagged or not scope["path"].startswith(_WHERE):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        begun: Message = {}

        async def tagging(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                begun = message
                return
            if begun and message["type"] == "http.response.body":
                begin, begun = begun, {}
                if not message.get("more_body"):
                    begin, message = _tag(begin, message, known)
                await send(begin)
            await send(message)

        await self._app(scope, receive, tagging)


def _tag(begin: Message, body: Message, known: str) -> tuple[Message, Message]:
    """Return the answer with its tag; without its body if the asker has that one."""
    tag = f'"{blake2b(body.get("body", b""), digest_size=16).hexdigest()}"'
    headers = MutableHeaders(scope=begin)
    tag = headers.setdefault("ETag", tag)
    if not _has(known, tag):
        return begin, body
    kept = [(k, v) for k, v in begin["headers"] if k.decode().lower() not in _LEFT_OUT]
    same: Mapping[str, object] = {"status": int(HTTPStatus.NOT_MODIFIED), "headers": kept}
    return {**begin, **same}, {**body, "body": b""}


def _has(known: str, tag: str) -> bool:
    """Return whether `If-None-Match` names the tag, compared weakly (RFC 9110, 13.1.2)."""
    names = (name.strip().removeprefix("W/") for name in known.split(","))
    return known.strip() == "*" or tag.removeprefix("W/") in names

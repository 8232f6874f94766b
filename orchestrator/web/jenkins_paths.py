"""Addresses as Jenkins clients write them: `//` and a slash at the end mean nothing."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/jenkins"
#: the Jenkins whose ways we have; clients read it to know how to behave
VERSION = "2.440.3"
HEADERS = {"X-Jenkins": VERSION, "X-Content-Type-Options": "nosniff"}
_MANY = re.compile(r"/{2,}")


class Straight:
    """ASGI middleware: straightens addresses below `/jenkins`, and signs the answers."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application to wrap."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a straight address."""
        path = _MANY.sub("/", scope.get("path", ""))
        if scope["type"] != "http" or not f"{path}/".startswith(f"{PREFIX}/"):
            await self._app(scope, receive, send)
            return

        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        straight = path.rstrip("/") or PREFIX
        await self._app({**scope, "path": straight, "raw_path": straight.encode()}, receive, signed)

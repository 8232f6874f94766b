"""What every answer takes along on its way out: cookies, and a line in the ledger."""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.service.ledger import Ledger
from orchestrator.web.visits import Visit


class Departure:
    """ASGI middleware: sets the visit's cookies, and writes down what came of a change."""

    def __init__(self, app: ASGIApp, ledger: Ledger) -> None:
        """Take the application to wrap."""
        self._app, self._ledger = app, ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        answered = False

        async def leaving(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                visit: Visit | None = state.get("visit")
                if visit:
                    visit.answer(MutableHeaders(scope=message))
                # First the ledger: who has the answer finds the change in the record.
                answered = True
                await self._end(visit, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, leaving)
        finally:
            # An error that nobody foresaw is answered outside of here.
            if not answered:
                await self._end(state.get("visit"), HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _end(self, visit: Visit | None, status: int) -> None:
        if visit and visit.entry:
            await run_in_threadpool(self._ledger.end, visit.entry, int(status))

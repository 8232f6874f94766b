"""An application asked without a server: each request in an event loop of its own."""

import asyncio
from collections.abc import Mapping

import httpx
from fastapi import FastAPI


class Inside:
    """A client of an application in this process."""

    def __init__(self, app: FastAPI) -> None:
        """Ask `app`."""
        self._app = app

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, json: object = None
    ) -> httpx.Response:
        """Send one request and return its answer."""
        return asyncio.run(self._send(method, url, headers or {}, json))

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Read."""
        return self.request("GET", url, headers)

    def post(
        self, url: str, headers: Mapping[str, str] | None = None, json: object = None
    ) -> httpx.Response:
        """Write."""
        return self.request("POST", url, headers, json)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], json: object
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("127.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, url, headers=dict(headers), json=json)

"""The HTTP server that the application runs in."""

import socket

import uvicorn
from fastapi import FastAPI

from orchestrator.web.stream import Feed


class Server(uvicorn.Server):
    """Hangs up on live pages before it waits for its connections to end: they never would."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every stream, then shut down as ever."""
        app = self.config.app
        if isinstance(app, FastAPI):
            feed: Feed = app.state.feed
            feed.close()
        await super().shutdown(sockets)

"""The HTTP server that the application runs in."""

import socket

import uvicorn
from fastapi import FastAPI

from orchestrator.web.stream import Feed


class Server(uvicorn.Server):
    """Answers at once, and hangs up on live pages before it waits for its connections to end."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; what is accepted sends each piece of an answer as it comes."""
        for listener in sockets or ():
            # asyncio does so only for sockets that name their protocol, which ours do not: a body
            # then waits 40 ms for the client to have acknowledged the head
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # noqa: FBT003
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every stream, which would never end by itself, then shut down as ever."""
        app = self.config.app
        if isinstance(app, FastAPI):
            feed: Feed = app.state.feed
            feed.close()
        await super().shutdown(sockets)

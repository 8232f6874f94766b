"""The HTTP server that the application runs in."""

import gc
import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from orchestrator.web.stream import Feed

#: allocations that outlive what was freed, and young collections, between two of the older kinds
_COLLECT: Final = (50_000, 20, 20)


def spare_collector() -> None:
    """Keep the garbage collector from what a serving process holds for as long as it lives.

    Else a look at a page may wait a tenth of a second while every remembered run is gone over.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


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

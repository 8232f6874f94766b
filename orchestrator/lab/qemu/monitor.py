"""Talks to a running QEMU over its monitor (QMP)."""

import asyncio
import shlex
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from qemu.qmp import QMPClient, QMPError, Runstate

#: a whole state of some megabytes is read in a fraction of it, unless the host is busy
_MIGRATION_SECONDS = 300.0
_POLL_SECONDS = 0.05
_IGNORE_SHARED = {"capability": "x-ignore-shared", "state": True}


class Monitor:
    """One QEMU's monitor, for as long as that QEMU runs."""

    def __init__(self, client: QMPClient) -> None:
        """Take a connected client; see `watch`."""
        self._client = client

    async def stop(self) -> None:
        """Halt the processors: the machine hangs."""
        await self._client.execute("stop")

    async def resume_from(self, state: Path) -> None:
        """Become the template whose device state is in the file, and run on.

        Raises `TimeoutError` if it cannot be read.
        """
        await self._capability()
        uri = f"exec:cat {shlex.quote(str(state))}"
        await self._client.execute("migrate-incoming", {"uri": uri})
        async with asyncio.timeout(_MIGRATION_SECONDS):
            while (await self._status()) == "inmigrate":
                await asyncio.sleep(_POLL_SECONDS)
        await self._client.execute("cont")

    async def save_to(self, state: Path) -> None:
        """Halt the machine and write the state of its devices; its memory is a file already."""
        await self._client.execute("stop")
        await self._capability()
        await self._client.execute("migrate", {"uri": f"exec:cat > {shlex.quote(str(state))}"})
        async with asyncio.timeout(_MIGRATION_SECONDS):
            while (await self._migration()) not in {"completed", "failed", "cancelled"}:
                await asyncio.sleep(_POLL_SECONDS)
        if (found := await self._migration()) != "completed":
            msg = f"the state of the template could not be saved: {found}"
            raise OSError(msg)

    async def quit(self) -> None:
        """End QEMU."""
        await self._client.execute("quit")

    async def ended(self) -> str:
        """Wait for the machine to go off; return QEMU's reason, e.g. `guest-reset`.

        Empty if QEMU ended without a word.
        """
        with self._client.listener("SHUTDOWN") as events:
            told = asyncio.ensure_future(events.get())
            gone = asyncio.ensure_future(self._gone())
            await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        if not told.done():
            told.cancel()
            return ""
        data = told.result()["data"]
        return str(data["reason"]) if isinstance(data, dict) else ""

    async def _gone(self) -> None:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()

    async def _capability(self) -> None:
        await self._client.execute("migrate-set-capabilities", {"capabilities": [_IGNORE_SHARED]})

    async def _status(self) -> str:
        found = await self._client.execute("query-status")
        return str(found["status"]) if isinstance(found, dict) else ""

    async def _migration(self) -> str:
        found = await self._client.execute("query-migrate")
        return str(found.get("status")) if isinstance(found, dict) else ""


def watch(near: socket.socket, use: Callable[[Monitor], Awaitable[str]]) -> str:
    """Return what `use` returns of the QEMU at the other end; empty if that ended meanwhile."""

    async def talk() -> str:
        client = QMPClient()
        try:
            await client.connect(near)
            return await use(Monitor(client))
        except (QMPError, EOFError, OSError):
            return ""
        finally:
            with suppress(QMPError, EOFError, OSError):
                await client.disconnect()

    return asyncio.run(talk())

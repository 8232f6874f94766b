"""One GET over asyncio: of JSON, small, from a stranger."""

import asyncio
import contextlib
import io
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

#: seconds to connect, and for the whole answer: BMCs take their time
CONNECT, ANSWER = 2.0, 8.0
_LARGEST = 1 << 20


class Silent(Exception):
    """Nothing answers, nor refuses."""


class Untrusted(Exception):
    """The certificate proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where is asked, and how it is known to be genuine."""

    address: str
    port: int
    #: None: without encryption
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer: its status, and its JSON object (empty if it is none)."""

    status: int
    body: Mapping[str, Any]


async def get(door: Door, path: str, authorization: str = "") -> Page | None:
    """Return what is at `path`; None if no web server is there.

    Raises `Silent`, or `Untrusted`.
    """
    try:
        raw = await _exchange(door, _request(door, path, authorization))
        return await asyncio.to_thread(_page, raw)
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(error.verify_message) from error
    except TimeoutError as error:
        raise Silent from error
    except (OSError, HTTPException):  # ssl's own errors are among them
        return None


def _request(door: Door, path: str, authorization: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {door.address}:{door.port}"]
    lines += ["Accept: application/json", "OData-Version: 4.0", "Connection: close"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    return "\r\n".join([*lines, "", ""]).encode()


async def _exchange(door: Door, request: bytes) -> bytes:
    async with asyncio.timeout(CONNECT):
        reader, writer = await asyncio.open_connection(door.address, door.port, ssl=door.tls)
    try:
        async with asyncio.timeout(ANSWER):
            writer.write(request)
            await writer.drain()
            return await _whole(reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


async def _whole(reader: asyncio.StreamReader) -> bytes:
    raw = b""
    with contextlib.suppress(ConnectionError):  # some hang up rudely after the last byte
        while len(raw) < _LARGEST and (chunk := await reader.read(1 << 16)):
            raw += chunk
    return raw


class _Played:
    """Bytes in the place of a socket, for the standard library's parser."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _page(raw: bytes) -> Page:
    response = HTTPResponse(cast(Any, _Played(raw)), method="GET")
    response.begin()
    try:
        body = json.loads(response.read())
    except ValueError:
        body = {}
    return Page(status=response.status, body=body if isinstance(body, dict) else {})

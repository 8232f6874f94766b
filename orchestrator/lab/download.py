"""Fetches over HTTP as a machine's firmware and installer do: directly, within a deadline."""

import http.client
import time
from urllib.parse import SplitResult, urlsplit

_SECONDS = 60.0
#: between two tries at a server that is away, as a boot ROM goes round its devices
_PAUSE = 0.5
_MOST_BYTES = 512 * 1024 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SUCCESS = 200


class DownloadError(OSError):
    """Nothing usable came; `status` is the HTTP status, 0 when there was none."""

    def __init__(self, url: str, status: int, reason: str) -> None:
        """Say which address, and why."""
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.status = status
        self.reason = reason


def download(url: str) -> bytes:
    """Return the body behind an http `url`, redirects followed.

    A server that refuses connections is tried again for a minute: it may be restarting. Raises
    `DownloadError`.
    """
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return _follow(url, deadline)
        except DownloadError as error:
            away = isinstance(error.__cause__, ConnectionError)
            if not away or time.monotonic() + _PAUSE > deadline:
                raise
            time.sleep(_PAUSE)


def _follow(url: str, deadline: float) -> bytes:
    target = url
    for _ in range(_MOST_REDIRECTS):
        parts = urlsplit(target)
        if parts.scheme != "http" or not parts.hostname:
            raise DownloadError(url, 0, "Operation not supported")
        try:
            body, onward = _get(url, parts, deadline)
        except DownloadError:
            raise
        except TimeoutError as error:
            raise DownloadError(url, 0, "Connection timed out") from error
        except (http.client.HTTPException, ValueError, OSError) as error:
            raise DownloadError(url, 0, str(error)) from error
        if not onward:
            return body
        target = onward
    raise DownloadError(url, 0, "too many redirects")


def _get(url: str, parts: SplitResult, deadline: float) -> tuple[bytes, str]:
    """Return the body, or where to look instead."""
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=max(0.1, deadline - time.monotonic())
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "iPXE/1.21.1"})
        answer = connection.getresponse()
        if answer.status in _REDIRECTS:
            return b"", answer.getheader("Location") or ""
        if answer.status != _SUCCESS:
            raise DownloadError(url, answer.status, f"HTTP {answer.status} {answer.reason}")
        return _body(url, answer, deadline), ""
    finally:
        connection.close()


def _body(url: str, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := answer.read(1 << 20):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise DownloadError(url, 0, "Out of memory")
        if time.monotonic() > deadline:
            raise DownloadError(url, 0, "Connection timed out")
    return bytes(body)

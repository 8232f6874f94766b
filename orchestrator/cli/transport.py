"""One HTTP request and its answer.

The standard library rather than a client package: importing one takes longer than all else that
a verb does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret

#: seconds without a byte; reading a repository may take the server two minutes
READ_SECONDS = 150.0
CONNECT_SECONDS = 5.0


class NoAnswer(ConfigError):
    """No orchestrator answers at the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where an orchestrator answers, and the token that it takes from us (empty: only reads)."""

    url: str
    token: Secret = field(default_factory=lambda: Secret(""))

    def __post_init__(self) -> None:
        """Refuse what cannot be an address or a token, before anything prints it."""
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            msg = f"--server {self.url!r} is no address: write e.g. http://127.0.0.1:8470"
            raise ConfigError(msg)
        if parts.username or parts.password:
            msg = f"the address of {parts.hostname} holds a password: put the token into "
            raise ConfigError(f"{msg}SMOKETEST_TOKEN instead")
        text = self.token.reveal()
        if not text.isascii() or not text.isprintable() or " " in text:
            msg = "the token (SMOKETEST_TOKEN) holds characters that no token has: copy it again"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server answered."""

    status: int
    reason: str
    content: bytes

    @property
    def ok(self) -> bool:
        """Return whether the server did as it was asked."""
        return self.status // 100 == 2

    def json(self) -> object:
        """Return the content read as JSON, None if there is none; raise `ValueError`."""
        return json.loads(self.content) if self.content else None


def exchange(
    server: Server, method: str, path: str, body: Mapping[str, object] | None = None
) -> Reply:
    """Send one request and return its answer, whatever its status; raise `NoAnswer`."""
    return send(server, method, path, None if body is None else json.dumps(body).encode())


def send(
    server: Server,
    method: str,
    path: str,
    content: bytes | None,
    more: Mapping[str, str] | None = None,
) -> Reply:
    """Send JSON that is text already, under these headers too; raise `NoAnswer`."""
    connection = _connection(server.url)
    headers = {"Accept": "application/json", **(more or {})}
    if token := server.token.reveal():
        headers["Authorization"] = f"Bearer {token}"
    if content is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.connect()
        connection.sock.settimeout(READ_SECONDS)
        connection.request(method, urlsplit(server.url).path.rstrip("/") + path, content, headers)
        response = connection.getresponse()
        return Reply(status=response.status, reason=response.reason, content=response.read())
    except (OSError, HTTPException) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        msg = (
            f"no orchestrator answers at {server.url} ({reason or type(error).__name__}): "
            "start one with `smoketest up`, or check --server"
        )
        raise NoAnswer(msg) from error
    finally:
        connection.close()


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(str(parts.hostname), parts.port, timeout=CONNECT_SECONDS)

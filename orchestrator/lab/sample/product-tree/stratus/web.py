"""HTTP as stratus needs it: routes, JSON in and out, a request id for each request."""

import json
import logging
import re
import socketserver
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from stratus.journal import request_id

Json = dict[str, Any]
INTERNAL_ERROR = 500


class Refused(Exception):
    """An answer other than success: HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        """Say why."""
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    #: the named parts of the route's path
    parts: Mapping[str, str] = field(default_factory=dict)

    def json(self, key: str = "") -> Json:
        """Return the body, or what its `key` holds."""
        try:
            read = json.loads(self.body or b"{}")
            found = read[key] if key else read
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(400, f"the body is not JSON with {key or 'an object'!r}") from error
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the client gets: JSON, or bytes as they are."""

    status: int = 200
    json: Json | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path, e.g. `/v3/volumes/{id}`, and what answers it."""

    method: str
    path: re.Pattern[str]
    answer: Callable[[Request], Reply]
    #: answered without a token
    public: bool = False


def route(
    method: str, path: str, answer: Callable[[Request], Reply], *, public: bool = False
) -> Route:
    """Return a route; a `{name}` in its path stands for one part, `{name*}` for all the rest."""
    pattern = re.sub(r"{(\w+)\*}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern)
    return Route(method=method, path=re.compile(pattern + "/?"), answer=answer, public=public)


def found(routes: Iterable[Route], request: Request) -> tuple[Route, Request]:
    """Return the route that a request takes, and the request with the parts of its path."""
    for candidate in routes:
        match = candidate.path.fullmatch(request.path)
        if match is not None and candidate.method == request.method:
            parts = {name: unquote(value) for name, value in match.groupdict().items()}
            return candidate, replace(request, parts=parts)
    raise Refused(404, f"there is no {request.method} {request.path}")


class Server(socketserver.ThreadingTCPServer):
    """Answers `routes`; `admits` says whether a request may take one that is not public."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        where: tuple[str, int],
        routes: Iterable[Route],
        admits: Callable[[Request], bool],
        log: logging.Logger,
    ) -> None:
        """Listen, without answering yet."""
        self.routes = tuple(routes)
        self.admits = admits
        self.log = log
        super().__init__(where, _Handler)

    def answer(self, request: Request) -> Reply:
        """Return the reply to any request."""
        try:
            return self._dispatch(request)
        except Refused as refused:
            level = logging.ERROR if refused.status >= INTERNAL_ERROR else logging.WARNING
            self.log.log(level, "%s", refused)
            return _error(refused.status, str(refused))
        except Exception as error:
            self.log.exception("%s %s", request.method, request.path)
            return _error(INTERNAL_ERROR, f"{type(error).__name__}: {error}")

    def _dispatch(self, request: Request) -> Reply:
        chosen, whole = found(self.routes, request)
        if not chosen.public and not self.admits(request):
            raise Refused(401, "log in first: the token is missing or has expired")
        return chosen.answer(whole)


def _error(status: int, sentence: str) -> Reply:
    return Reply(status=status, json={"error": {"code": status, "message": sentence}})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: buffers headers and body into one packet
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        given = self.headers.get("X-Openstack-Request-Id", "")
        request_id.set(given if given.startswith("req-") else f"req-{uuid.uuid4()}")
        parts = urlsplit(self.path)
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )
        reply = self.server.answer(request)
        self.server.log.info("%s %s %s", self.command, parts.path, reply.status)
        self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply) -> None:
        body = reply.body if reply.json is None else json.dumps(reply.json).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self.send_response(reply.status)
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("X-Openstack-Request-Id", request_id.get())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent: each request is logged with its id instead."""

"""An HTTPS server with a certificate of its own, which can be told to misbehave."""

import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from orchestrator.lab.certificate import self_signed

_SLOW_SECONDS = 30.0
_UNAVAILABLE = 503
#: what tells whoever started it that it answers; no hypervisor has it
HEALTH = "/health"
_LARGEST_BODY = 16 << 20


class Fault(StrEnum):
    """What a simulated hypervisor can be told to do wrong."""

    NONE = "none"
    #: nobody may log in
    REFUSES_LOGIN = "refuses-login"
    #: it answers, and is not ready yet
    STARTING = "starting"
    #: its web server says that the service behind it is away
    UNAVAILABLE = "unavailable"
    #: it hangs up in the middle of a request
    HANGS_UP = "hangs-up"
    #: it takes longer than anybody waits
    SLOW = "slow"
    #: what it sends is no answer of its protocol
    GARBLES = "garbles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer."""

    body: bytes
    kind: str = "text/xml; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Desk:
    """What answers, and how it misbehaves now."""

    answer: Callable[[Call], Answer]
    fault: Fault = Fault.NONE
    #: whoever started it may use it
    ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where a simulator answers, and the SHA-256 (hex) of its certificate."""

    address: str
    port: int
    certificate: str


@contextmanager
def serving(desk: Desk, address: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """Answer by HTTPS until the block is left."""
    with tempfile.TemporaryDirectory(prefix="hypervisor-") as folder:
        pair, file = self_signed(address, "simulated-hypervisor"), Path(folder) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(pair.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server = _Server((address, port), _handler(desk))
        server.context = context
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            bound = server.server_address[1]
            yield Served(address=address, port=int(bound), certificate=pair.digest)
        finally:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # sockets
        # In the connection's own thread: whoever says nothing holds up nobody else.
        request.settimeout(_SLOW_SECONDS)
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever called sees that we hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    desk: Desk

    def do_GET(self) -> None:  # the library's names
        if self.path == HEALTH:
            self._send(Answer(body=b"simulated", status=200 if self.desk.ready else 503))
        else:
            self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), _LARGEST_BODY)
        body = self.rfile.read(length)
        if self.desk.fault is Fault.HANGS_UP:
            self.close_connection = True
            self.connection.close()
            return
        if self.desk.fault is Fault.SLOW:
            time.sleep(_SLOW_SECONDS)
        self._send(self._answer(body))

    def _answer(self, body: bytes) -> Answer:
        if self.desk.fault is Fault.UNAVAILABLE:
            return Answer(body=b"503 Service Unavailable", status=_UNAVAILABLE)
        if self.desk.fault is Fault.GARBLES:
            return Answer(body=b"<html>it works</html>", kind="text/html")
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(method=self.command, path=self.path, headers=headers, body=body)
        return self.desk.answer(call)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # theirs
        """Log nothing: requests hold passwords."""


def _handler(desk: Desk) -> type[_Handler]:
    return type("Handler", (_Handler,), {"desk": desk})

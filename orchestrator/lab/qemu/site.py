"""A small boot server of a builder's own: files under one address, and a call-back."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_CHUNK = 1 << 20


class Site:
    """What is served, and who called home."""

    def __init__(self, port: int) -> None:
        """Serve nothing yet."""
        self.port = port
        self.files: dict[str, bytes | Path] = {}
        self.host_key = ""
        self.arrived = threading.Event()
        #: when somebody called home first, by the monotonic clock
        self.arrived_at = 0.0

    def serve(self, files: Mapping[str, bytes | Path]) -> None:
        """Serve these, too; names begin with a slash."""
        self.files |= files

    def called(self, host_key: str) -> None:
        """Take a call-back."""
        self.host_key = host_key
        self.arrived_at = self.arrived_at or time.monotonic()
        self.arrived.set()


@contextmanager
def opened() -> Iterator[Site]:
    """Yield a site on a free port of the loopback, until the context ends."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site = Site(server.server_address[1])
        Handler.site = site
        threading.Thread(target=server.serve_forever, name="site", daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        """Send the file, or take the call-back."""
        asked = urlsplit(self.path)
        if asked.path.endswith("/arrived"):
            self.site.called(parse_qs(asked.query).get("ssh", [""])[0])
            self._send(b"welcome\n")
            return
        found = self.site.files.get(asked.path)
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif isinstance(found, bytes):
            self._send(found)
        else:
            self._send_file(found)

    def _send(self, body: bytes) -> None:
        self._head(len(body))
        self.wfile.write(body)

    def _send_file(self, path: Path) -> None:
        self._head(path.stat().st_size)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.wfile.write(chunk)

    def _head(self, length: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the console tells what was fetched."""

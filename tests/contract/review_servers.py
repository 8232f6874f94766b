"""Review systems' REST APIs on loopback: as much of them as is spoken to."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Served:
    """Answers by path (without its query), and what was posted."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    patches: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: what is answered to what is posted, by path
    made: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    authorizations: set[str] = field(default_factory=set)
    #: what every answer begins with
    guard: str = ""
    status: int = 200

    def find(self, path: str) -> Any:  # noqa: ANN401  # JSON
        plain = unquote(urlsplit(path).path)
        page = re.search(r"[?&]page=(\d+)", path)
        if page and int(page[1]) > 1:
            return []
        return self.answers.get(plain)


@contextmanager
def serving() -> Iterator[Served]:
    """Serve on loopback."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(served.find(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.posts.append((unquote(self.path), body))
            self._answer(served.made.get(unquote(self.path), lambda _: {})(body))

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.patches.append((unquote(self.path), body))
            self._answer({})

        def _answer(self, value: object) -> None:
            served.authorizations.add(self.headers.get("Authorization", ""))
            self.send_response(served.status if value is not None else 404)
            self.end_headers()
            self.wfile.write(f"{served.guard}{json.dumps(value)}".encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield served
        server.shutdown()
        thread.join()

"""A fake: a Jenkins of one job that misbehaves as it is told, over real HTTP.

A real Jenkins cannot run here. What it gets right, our own Jenkins face and the clients that drive
it prove; this one is for what goes wrong.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, Any, dict[str, str]]
PARAMETERS = ("RUN_ID", "COMMIT", "ARCH", "REPO", "REF", "CALLBACK_URL")
GREEN = [{"className": "suite", "name": "test_boot", "status": "PASSED", "duration": 1.5}]
RED = [
    *GREEN,
    {
        "className": "suite",
        "name": "test_volume",
        "status": "FAILED",
        "duration": 1,
        "errorDetails": "no LUN\nand a trace",
    },
]


@dataclass
class Jenkins:
    """How it behaves, and what it was asked."""

    #: status that every request is answered with, how often (-1: for ever)
    status: int = 0
    times: int = 0
    #: seconds that every answer takes
    slow: float = 0.0
    #: looks at a queue item, and then at a build, until it is done
    queued: int = 1
    building: int = 1
    result: str | None = "SUCCESS"
    report: list[dict[str, Any]] | None = field(default_factory=lambda: list(GREEN))
    #: what the build says it was for, instead of what it was asked for
    other: dict[str, str] = field(default_factory=dict)
    #: POSTs are answered 303, as a fold into an identical queue item
    folds: bool = False
    #: every GET is sent round in a circle
    circles: bool = False
    #: a queue item is forgotten at once, and a build for so many looks (-1: for ever)
    expires: bool = False
    gone: int = 0
    #: crumbs are asked for, and forgotten once
    crumbs: bool = False
    forgets_crumb: bool = False
    #: it is cancelled in the queue
    cancels: bool = False
    parameters: tuple[str, ...] = PARAMETERS
    disabled: bool = False
    job: bool = True
    #: answers of its POST are lost on the way
    loses_answer: bool = False

    starts: list[dict[str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    looks: int = 0
    crumb: int = 1
    url: str = ""

    def reply(self, method: str, path: str, form: dict[str, str]) -> Reply:
        """Return status, JSON (or text) and headers."""
        time.sleep(self.slow)
        if self.status and self.times:
            self.times -= 1
            return self.status, "out of order", {}
        if path == "/crumbIssuer/api/json":
            return self._issued()
        if self.circles and method == "GET":
            return 302, "", {"Location": f"{self.url}{path}"}
        if method == "POST":
            return self._post(path, form)
        return self._get(path)

    def _issued(self) -> Reply:
        if not self.crumbs:
            return 404, "", {}
        return 200, {"crumb": str(self.crumb), "crumbRequestField": "Jenkins-Crumb"}, {}

    def _post(self, path: str, form: dict[str, str]) -> Reply:
        if path == "/job/vendor/job/a%20b/buildWithParameters":
            if self.disabled:
                return 409, "", {}
            self.starts.append(form)
            if self.loses_answer:
                self.loses_answer = False
                return 0, "", {}
            where = {"Location": f"{self.url}/queue/item/7/"}
            return (303 if self.folds else 201), "", where
        self.stopped.append(path)
        return 204, "", {}

    def _get(self, path: str) -> Reply:
        if path == "/job/vendor/job/a%20b/api/json":
            return self._job()
        if path == "/queue/api/json":
            waits = self.starts and self.looks < self.queued and not self.expires
            return 200, {"items": [self._item()] if waits else []}, {}
        if not self.starts:
            return 404, "", {}
        if path == "/queue/item/7/api/json":
            return (404, "", {}) if self.expires else (200, self._item(count=True), {})
        return self._of_build(path.removeprefix("/job/vendor/job/a%20b/3"))

    def _job(self) -> Reply:
        if not self.job:
            return 404, "", {}
        asks = {"parameterDefinitions": [{"name": name} for name in self.parameters]}
        there = self.starts and not self.gone and (self.looks >= self.queued or self.expires)
        builds = [self._build()] if there else []
        return 200, {"buildable": True, "property": [asks], "builds": builds}, {}

    def _of_build(self, what: str) -> Reply:
        if self.gone:
            self.gone -= 1
            return 404, "", {}
        if what == "/api/json":
            self.looks += 1
            return 200, self._build(), {}
        if what == "/testReport/api/json" and self.report is not None:
            return 200, {"suites": [{"cases": self.report}]}, {}
        if what == "/consoleText":
            return 200, "Started by user smoketest\nFinished\n", {}
        if what == "/artifact/logs/api.log":
            return 200, "GET /servers\n", {}
        return 404, "", {}

    def _item(self, *, count: bool = False) -> dict[str, Any]:
        self.looks += count
        item: dict[str, Any] = {"id": 7, "why": "waiting for a node", **self._given()}
        if self.cancels:
            return item | {"cancelled": True}
        if self.looks > self.queued:
            item["executable"] = {"number": 3, "url": f"{self.url}/job/vendor/3/"}
        return item

    def _build(self) -> dict[str, Any]:
        over = self.looks > self.queued + self.building + 1
        names = ["logs/api.log", "../../etc/passwd"]
        return {
            "number": 3,
            "queueId": 7,
            "url": "http://somebody.else.example/job/3/",
            "building": not over,
            "result": self.result if over else None,
            "artifacts": [{"relativePath": name} for name in names],
            **self._given(),
        }

    def _given(self) -> dict[str, Any]:
        given = {**self.starts[0], **self.other} if self.starts else {}
        return {"actions": [{"parameters": [{"name": k, "value": v} for k, v in given.items()]}]}


class Handler(BaseHTTPRequestHandler):
    """Passes each request to the Jenkins that its server has."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        jenkins: Jenkins = self.server.jenkins  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        pairs = parse_qs(self.rfile.read(length).decode())
        form = {key: values[0] for key, values in pairs.items()}
        stale = method == "POST" and jenkins.crumbs
        if stale and self.headers.get("Jenkins-Crumb") != str(jenkins.crumb):
            self._send(403, "No valid crumb was included in the request", {})
            return
        status, body, more = jenkins.reply(method, urlsplit(self.path).path, form)
        if status:
            self._send(status, body, more)
        else:
            self.close_connection = True

    def _send(self, status: int, body: object, more: dict[str, str]) -> None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # whoever asked may have hung up
            self.wfile.write(text)


@contextmanager
def serving(jenkins: Jenkins) -> Iterator[str]:
    """Yield the address at which it answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.jenkins = jenkins  # type: ignore[attr-defined]
        jenkins.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield jenkins.url
        server.shutdown()
        thread.join()

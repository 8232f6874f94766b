"""Messages to deliver, and receivers for them that are the real thing."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from orchestrator.model.ids import AttemptId
from orchestrator.model.notice import Change, Message, MessageState, Moment
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Blame, Ruling, Verdict

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAGES = "https://ci.example.com"


def change(number: int = 1, arch: str = "kvm-flat", **changes: object) -> Change:
    values: dict[str, object] = {
        "attempt": AttemptId(f"{number}/{arch}/1"),
        "moment": Moment.FINISHED,
        "repo": "nova",
        "ref": "trunk",
        "commit": "1a2b3c4d5e",
        "sha": "1a2b3c4d5e" * 4,
        "subject": "Boot faster",
        "requester": "ann",
        "lane": Lane.MERGED,
        "arch": arch,
        "voting": True,
        "lieutenants": ("kvm-team",),
        "at": AT,
        "ruling": Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no such column:\nmac"),
        "before": Verdict.PASSED,
    }
    return Change(**(values | changes))  # type: ignore[arg-type]


def message(*changes: Change, recipient: str = "kvm@example.com") -> Message:
    return Message(
        id=f"msg_{secrets.token_hex(8)}",
        subscription="lieutenants",
        recipient=recipient,
        changes=changes or (change(),),
        made_at=AT,
        due_at=AT,
        tries=0,
        state=MessageState.WAITING,
    )


@dataclass
class Mailbox:
    """What a mail server took, and what it says to the next letters."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    user: str = "smoketest"
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    logins: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("250"):
            self.taken.append(envelope)
        return answer

    def admit(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: LoginPassword
    ) -> AuthResult:
        self.logins += 1
        known = (given.login, given.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=known, handled=False)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a real SMTP server on loopback."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = int(free.getsockname()[1])
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        authenticator=box.admit,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Receiver:
    """What an HTTP server was posted, and the statuses of its next answers."""

    url: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run an HTTP server on loopback that keeps what it is posted."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 204)
            self.send_header("Location", "http://169.254.169.254/latest/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://localhost:{server.server_address[1]}/hooks/in"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()

"""A partner's worker: takes an order, has it done here, brings the signed result. Opens no port.

It may be killed at any point: the order is given to it again, and whatever did it then finds what
was begun (a Jenkins by the order's key) or does it anew (a command). The first result counts.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from orchestrator.cli.ordered import Done, run_command
from orchestrator.cli.ordered_jenkins import run_job
from orchestrator.cli.transport import NoAnswer, Reply, Server, send
from orchestrator.drivers.signature.ed25519 import Signer
from orchestrator.model.errors import ConfigError, Denied, PartnerError
from orchestrator.model.secret import Secret

#: seconds between words to the server while an order is done
WORD_SECONDS = 10.0
#: the longest pause while the server does not answer
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Whom to work for, and how orders are done."""

    server: Server
    command: str
    jenkins: str
    job: str
    user: str
    api_token: Secret
    every: float
    folder: Path
    once: bool


class Worker:
    """Speaks to the server as one worker of the partner."""

    def __init__(self, serving: Serving) -> None:
        """Work with the key and the name that `serving.folder` keeps."""
        self._server, self._folder = serving.server, serving.folder
        self._signer = Signer(serving.folder / "key")
        self._name = self._signer.public()[:12]
        self._word = 0.0

    def next(self) -> Mapping[str, str] | None:
        """Return an order, or None."""
        body = {"worker": self._name, "public_key": self._signer.public()}
        reply = self._post("/api/partner/next", json.dumps(body).encode())
        found = reply.json()
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else None

    def tell(self, key: str, text: str) -> bool:
        """Tell how far the order is, not too often; return whether to go on."""
        if time.monotonic() - self._word < WORD_SECONDS:
            return True
        body = {"key": key, "worker": self._name, "text": text[-500:]}
        try:
            found = self._post("/api/partner/progress", json.dumps(body).encode()).json()
        except NoAnswer:
            return True  # it restarts; the work goes on
        self._word = time.monotonic()
        return not isinstance(found, dict) or bool(found.get("go_on", True))

    def bring(self, order: Mapping[str, str], done: Done) -> None:
        """Bring the result, signed, until it is taken."""
        message = json.dumps(done.body(order)).encode()
        headers = {"X-Smoketest-Signature": f"ed25519={self._signer.sign(message)}"}
        for pause in _pauses(1.0):
            try:
                self._post("/api/partner/result", message, headers)
            except NoAnswer:
                time.sleep(pause)
            else:
                return

    def _post(self, path: str, content: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        reply = send(self._server, "POST", path, content, headers)
        if reply.ok:
            return reply
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NoAnswer(f"{self._server.url} answers {reply.status}")
        said = reply.content.decode(errors="replace")
        try:
            sentence = str(json.loads(said).get("detail") or said)
        except (ValueError, AttributeError):
            sentence = said
        raise (Denied if reply.status in {401, 403} else ConfigError)(sentence)


def serve_orders(serving: Serving, say: Callable[[str], None]) -> None:
    """Do orders until interrupted (or one, if `once`); `say` is told of each."""
    worker = Worker(serving)
    pauses = _pauses(serving.every)
    while True:
        try:
            order = worker.next()
        except NoAnswer as gone:
            say(f"{gone}; asked again in a while")
            time.sleep(next(pauses))
            continue
        pauses = _pauses(serving.every)
        if order is None:
            time.sleep(serving.every)
            continue
        say(f"{order['key']}: {order['arch']} at {order['commit'][:10]}")
        done = _do(serving, worker, order)
        if done:
            worker.bring(order, done)
        say(f"{order['key']}: {done.claim if done else 'taken back, stopped'}")
        if serving.once:
            return


def _do(serving: Serving, worker: Worker, order: Mapping[str, str]) -> Done | None:
    """Return what the order came to, or None if it was taken back."""

    def go_on(text: str) -> bool:
        return worker.tell(order["key"], text)

    if serving.command:
        return run_command(serving.command, order, serving.folder / "orders", go_on)
    try:
        return run_job(serving, order, serving.folder / "orders", go_on)
    except PartnerError as error:
        return Done.broken(str(error))


def _pauses(first: float) -> Iterator[float]:
    while True:
        yield first
        first = min(first * 2, LONGEST_PAUSE)

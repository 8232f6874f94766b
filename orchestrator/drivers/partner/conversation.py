"""One conversation with a Jenkins: python-jenkins, with what it leaves open closed.

It has no timeout of its own, keeps a stale crumb for ever, lets two families of errors out, reads
proxies and headers from the environment, and is not to be shared between threads.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import jenkins
import requests
from urllib3.exceptions import HTTPError

from orchestrator.model.errors import PartnerError, PartnerSilent
from orchestrator.model.secret import MASK, Secret
from orchestrator.ports.clock import Deadline

#: seconds for one answer to begin, and between two parts of it
ANSWER_SECONDS = 30.0
#: bytes of the largest answer that is looked into
LARGEST = 16 << 20
REDIRECTS = 5
_PART = 1 << 16
_STALE_CRUMB = "No valid crumb"
#: answers that no repeat will change: what is asked for is wrong
_FINAL: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "the job takes no parameters",
    HTTPStatus.UNAUTHORIZED: "it does not accept our login",
    HTTPStatus.FORBIDDEN: "our login may not do this there",
    HTTPStatus.METHOD_NOT_ALLOWED: "it wants another method",
    HTTPStatus.CONFLICT: "the job is disabled",
}
#: bytes of an answer that are told, and what parameters are called that hold a secret
_EXCERPT = 300
_SECRET = re.compile(r"pass|token|secret|credential|api_?key", re.IGNORECASE)
T = TypeVar("T")


class Absent(Exception):
    """There is no such thing at the partner's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where a Jenkins is, and as whom we come; `certificates` is a file, or empty: the system's."""

    name: str
    url: str
    user: str
    token: Secret
    certificates: str = ""


class Refused(PartnerError):
    """The partner does not let us."""


Tell = Callable[[str], None]


def _nobody(_text: str) -> None:
    """Tell nobody."""


class Conversation:
    """Requests to one Jenkins within one deadline; for one thread."""

    def __init__(self, login: Login, deadline: Deadline, tell: Tell = _nobody) -> None:
        """Begin; nothing is sent yet. `tell` is told each call and what came of it."""
        self._login, self._deadline, self._tell = login, deadline, tell
        self._jenkins = jenkins.Jenkins(
            login.url, login.user or None, login.token.reveal() or None, timeout=ANSWER_SECONDS
        )
        # A session of its own: the one that it made has taken headers from the environment.
        session = jenkins.WrappedSession()
        session.trust_env = False
        session.verify = login.certificates or True
        session.max_redirects = REDIRECTS
        self._jenkins._session = session  # there is no public way

    def json(self, path: str) -> Mapping[str, Any]:
        """Return what a GET of `path` tells; raise `Absent`."""
        body = b"".join(self.stream(path, LARGEST))
        self._tell(f"answer: {' '.join(body[:_EXCERPT].decode(errors='replace').split())}")
        try:
            found = json.loads(body)
        except ValueError as error:
            raise self._silent("answers with something else than JSON (a login page?)") from error
        if not isinstance(found, dict):
            raise self._silent("answers with JSON of another form")
        return found

    def stream(self, path: str, most: int) -> Iterator[bytes]:
        """Yield the parts of what a GET of `path` returns, `most` bytes at most."""
        response = self._send("GET", path)
        try:
            yield from self._parts(response, most)
        finally:
            response.close()

    def post(
        self,
        path: str,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """POST and return the `Location` of the first answer, or an empty text; raise `Absent`."""
        self._jenkins._session.headers.update(headers or {})  # as above
        response = self._send("POST", path, data)
        first = response.history[0] if response.history else response
        response.close()
        return str(first.headers.get("Location", ""))

    def _parts(self, response: requests.Response, most: int) -> Iterator[bytes]:
        left = most
        while left > 0:
            self._deadline.check()
            try:
                part = response.raw.read1(min(_PART, left), decode_content=True)
            except (OSError, HTTPError) as error:
                raise self._silent(f"broke off in mid-answer ({_short(error)})") from error
            if not part:
                return
            left -= len(part)
            yield part

    def _send(self, method: str, path: str, data: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401  # untyped
        """Send one request; once more with a fresh crumb if the partner restarted."""
        try:
            return self._heard(method, path, data)
        except Refused as error:
            if _STALE_CRUMB not in str(error):
                raise
        self._jenkins.crumb = None
        return self._heard(method, path, data)

    def _heard(self, method: str, path: str, data: Mapping[str, str] | None) -> Any:  # noqa: ANN401  # untyped
        """Try, and tell what was sent and what came of it."""
        began = time.monotonic()
        sent = f"{method} {path.partition('?')[0]}"
        sent += f" {json.dumps(_starred(data))}" if data else ""
        try:
            response = self._try(method, path, data)
        except (PartnerError, Absent) as error:
            why = "not there" if isinstance(error, Absent) else str(error)
            self._tell(f"{sent}: failed after {time.monotonic() - began:.1f} s: {why}")
            raise
        where = response.headers.get("Location", "")
        came = f"{response.status_code}{' ' if where else ''}{where}"
        self._tell(f"{sent}: {came} ({time.monotonic() - began:.1f} s)")
        return response

    def _try(self, method: str, path: str, data: Mapping[str, str] | None) -> Any:  # noqa: ANN401  # untyped
        self._deadline.check()
        self._jenkins.timeout = max(1.0, min(ANSWER_SECONDS, self._deadline.left()))
        request = requests.Request(method, f"{self._login.url.rstrip('/')}/{path}", data=data)
        try:
            # A GET needs no crumb, and would fetch one first.
            return self._jenkins.jenkins_request(
                request, add_crumb=method == "POST", stream=method == "GET"
            )
        except (jenkins.JenkinsException, requests.RequestException, ValueError) as error:
            # Of a POST that was answered 303, it is only the queue item's page that is not there.
            answer = getattr(error.__context__, "response", None)
            if method == "POST" and answer is not None and answer.history:
                return answer
            raise self._translated(error, path) from error

    def _translated(self, error: Exception, path: str) -> PartnerError | Absent:
        """Return what went wrong as an error of ours: two families of errors come out of it."""
        if isinstance(error, jenkins.NotFoundException):
            return Absent(path)
        if isinstance(error, jenkins.TimeoutException):
            return self._silent("does not answer in time")
        if isinstance(error, jenkins.JenkinsException):
            return self._refused(error.__context__, str(error))
        if isinstance(error, requests.HTTPError):
            return self._refused(error, "")
        if isinstance(error, requests.TooManyRedirects):
            return self._silent("sends us round in circles (redirects)")
        if isinstance(error, requests.RequestException):
            return self._silent(f"cannot be reached ({_short(error)})")
        return self._silent("has a crumb issuer that sends no JSON")

    def _refused(self, error: BaseException | None, said: str) -> PartnerError:
        """Return the error for an HTTP status: final, or one that may pass."""
        response = getattr(error, "response", None)
        status = response.status_code if response is not None else 0
        if _STALE_CRUMB in said:
            return Refused(f"{self._login.name}: {_STALE_CRUMB}")
        if why := _FINAL.get(status):
            return Refused(f"{self._login.name} refuses ({status}): {why}")
        return self._silent(f"answers {status}" if status else "cannot be reached")

    def _silent(self, what: str) -> PartnerSilent:
        return PartnerSilent(f"{self._login.name} {what}")


def _starred(data: Mapping[str, str]) -> dict[str, str]:
    """Return parameters as they may be read: what is called like a secret is starred."""
    return {name: MASK if _SECRET.search(name) else value for name, value in data.items()}


def _short(error: BaseException) -> str:
    """Return the innermost reason, without addresses of objects."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or type(error).__name__

"""Errors as answers: problem+json (RFC 9457) for programs, a page for people, a line for firmware.

`detail` is the sentence for a person.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from orchestrator.model.errors import (
    ConfigError,
    Denied,
    NotFound,
    Occupied,
    SmoketestError,
    Throttled,
)
from orchestrator.model.verdict import Blame
from orchestrator.web.environment import TEMPLATES
from orchestrator.web.guard import HEADERS

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as RFC 9457 writes it, with the blame."""

    type: str
    title: str
    status: int
    detail: str
    blame: Blame
    #: what to do about it
    next: str


_JSON = TypeAdapter(Problem)
#: what helps against a problem of that name, or of that status
_NEXT: Mapping[str, str] = {
    "bad-cursor": "ask without `cursor`, and follow the `Link` of each answer",
    "invalid": "mend the fields that `detail` names; /api/openapi.json says what each may hold",
    "401": "send `Authorization: Bearer TOKEN` with a token that is good for it",
    "403": "ask the lab's operator for the right, or do it as somebody who has it",
    "404": "look the name up where `detail` says, or in the list that it is from",
    "405": "/api/openapi.json lists the methods of each address",
    "409": "wait until what `detail` names is over, then ask again",
    "413": "send less, or in parts",
    "422": "mend what `detail` names, then ask again",
    "429": "wait as long as `Retry-After` says, then ask again",
    "500": "report it with the traceback from the orchestrator's log",
    "503": "ask again in a while; `smoketest doctor` on the orchestrator says what is missing",
}
_MEND = "mend what `detail` names, then ask again"


def install(app: FastAPI) -> None:
    """Make `app` answer every error in the asker's form."""
    app.add_exception_handler(SmoketestError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _bug)


async def _ours(request: Request, error: Exception) -> Response:
    kind = type(error)
    blame = error.blame if isinstance(error, SmoketestError) else Blame.ORCHESTRATOR
    name = _WORDS.sub("-", kind.__name__).lower()
    title = (kind.__doc__ or name).split("\n")[0]
    return _answer(request, _problem(name, title, _status(error), str(error), blame))


#: the first that fits counts: a class stands before what it is a kind of
_STATUS = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Occupied, HTTPStatus.CONFLICT),
    (Denied, HTTPStatus.FORBIDDEN),
    (Throttled, HTTPStatus.TOO_MANY_REQUESTS),
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def _status(error: Exception) -> int:
    found = (status for kind, status in _STATUS if isinstance(error, kind))
    return next(found, HTTPStatus.SERVICE_UNAVAILABLE)


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if any(fault["loc"][0] == "path" for fault in faults):
        detail = f"there is nothing at {request.url.path}"
        return _answer(request, _http(HTTPStatus.NOT_FOUND, detail))
    detail = "; ".join(_sentence(fault["loc"], fault["msg"]) for fault in faults)
    title = "The request is not in the form that is understood here."
    problem = _problem(
        "invalid", title, HTTPStatus.UNPROCESSABLE_ENTITY, detail or str(error), Blame.CONFIG
    )
    return _answer(request, problem)


def _sentence(location: tuple[str | int, ...], message: str) -> str:
    """Return `field: what is wrong`, the field as a path such as `patches.0.name`."""
    field = ".".join(str(part) for part in location[1:]) or "the body"
    return f"{field}: {message[:1].lower()}{message[1:]}"


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _bug(request, error)
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        detail = f"{detail}: {request.method} {request.url.path}"
    answer = _answer(request, _http(error.status_code, detail))
    answer.headers.update(error.headers or {})
    return answer


async def _bug(request: Request, error: Exception) -> Response:
    """Answer for what nobody foresaw; the server writes the traceback to its log."""
    detail = f"the orchestrator itself failed ({type(error).__name__}); its log has the traceback"
    title = "The orchestrator itself failed."
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    answer = _answer(request, _problem("bug", title, status, detail, Blame.ORCHESTRATOR))
    # This one is made outside of all middleware.
    answer.headers.update(HEADERS)
    return answer


def _http(status: int, detail: str) -> Problem:
    phrase = HTTPStatus(status).phrase
    name = phrase.lower().replace(" ", "-")
    blame = Blame.CONFIG if status < HTTPStatus.INTERNAL_SERVER_ERROR else Blame.ORCHESTRATOR
    return _problem(name, f"{phrase}.", status, detail, blame)


def _problem(name: str, title: str, status: int, detail: str, blame: Blame) -> Problem:
    urn = f"urn:smoketest:problem:{name}"
    step = _NEXT.get(name) or _NEXT.get(str(int(status)), _MEND)
    return Problem(type=urn, title=title, status=int(status), detail=detail, blame=blame, next=step)


def encoded(problem: Problem) -> bytes:
    """Return it as `application/problem+json`."""
    return _JSON.dump_json(problem)


def _answer(request: Request, problem: Problem) -> Response:
    path = request.url.path
    if path.startswith("/boot/"):
        return PlainTextResponse(f"{problem.detail}\n", problem.status)
    if not path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        page = TEMPLATES.get_template("error.html").render(
            problem=problem, here="", lab="", seq=None
        )
        return Response(page, problem.status, media_type="text/html")
    return Response(encoded(problem), problem.status, media_type="application/problem+json")

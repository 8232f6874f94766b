"""The API's description, OpenAPI 3.1: FastAPI's, with our errors, headers, rights and examples."""

from collections.abc import Iterator, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from orchestrator.model.access import Right
from orchestrator.web.problems import Problem
from orchestrator.web.repeats import HEADER
from orchestrator.web.rights import NEEDS
from orchestrator.web.samples import sample

Node = MutableMapping[str, Any]

_ABOUT: Final = """Everything that the pages show and do.

Lists come in pages: follow `Link: <...>; rel="next"` until there is none. Answers to GET have an
`ETag`; sent back as `If-None-Match`, an answer that is still the same is a 304. A write that comes
with an `Idempotency-Key` is done once, however often it is sent within a day. Errors are
`application/problem+json`: `type` is for programs, `detail` says what is wrong, `next` what to do.
`RateLimit` says how many requests are left; beyond that the answer is 429 with `Retry-After`.
"""
_PROBLEM: Final = "application/problem+json"
#: what any operation may answer besides its own
_ERRORS: Final = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)
_READS: Final = frozenset({"get", "head"})
#: operations whose answers are no JSON, and what they are
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "/api/files/{run}/{arch}/{number}/{name}": ("text/plain", "application/octet-stream"),
    "/api/runs/{run}/export/{form}": ("application/xml", "application/json"),
    "/feeds/changes.atom": ("application/atom+xml",),
}
#: what routes take, by their addresses as the description writes them
_NEEDS: Final = {route.replace(":path}", "}"): need for route, need in NEEDS.items()}
_TEXTS: Final[Mapping[str, str]] = {
    "text/event-stream": 'id: 17\ndata: {"attempt":"12/kvm-flat/1","event":{"seq":17}}\n\n',
    "application/atom+xml": '<feed xmlns="http://www.w3.org/2005/Atom"/>',
    "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "application/xml": "<testsuites/>",
    "application/octet-stream": "bytes",
    "text/plain": "Installing the base system\n",
    "text/html": "<!doctype html>",
}


def describe(app: FastAPI) -> None:
    """Make `app` describe itself so."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            found = get_openapi(
                title=app.title, version=app.version, routes=app.routes, description=_ABOUT
            )
            app.openapi_schema = _completed(found)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    parts = found.setdefault("components", {})
    known = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    problem = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
    known.update(problem.pop("$defs", {}))
    known["Problem"] = problem
    parts["responses"] = {f"Problem{status}": _problem(status) for status in _ERRORS}
    parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, method, operation in _operations(found):
        _errors(method, operation)
        _kinds(path, operation)
        _examples(operation, known)
        _rights(path, method, operation)
    return found


def _operations(found: Mapping[str, Any]) -> Iterator[tuple[str, str, Node]]:
    for path, verbs in found["paths"].items():
        for method, operation in verbs.items():
            yield path, method, operation


def _problem(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    example = {
        "type": f"urn:smoketest:problem:{phrase.lower().replace(' ', '-')}",
        "title": f"{phrase}.",
        "status": status,
        "detail": "what is wrong, in a sentence",
        "blame": "config" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "orchestrator",
        "next": "what to do about it",
    }
    shape = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": phrase,
        "content": {_PROBLEM: {"schema": shape, "example": example}},
    }


def _errors(method: str, operation: Node) -> None:
    answers = operation["responses"]
    for status in _ERRORS:
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    if method in _READS:
        answers["304"] = {"description": "It is what `If-None-Match` names."}


def _kinds(path: str, operation: Node) -> None:
    if path in _KINDS:
        text = {"schema": {"type": "string"}}
        content = {kind: {} if kind == "application/json" else text for kind in _KINDS[path]}
        operation["responses"]["200"]["content"] = content


def _examples(operation: Node, known: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("example", sample(parameter["schema"], known, parameter["name"]))
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [
        answer.get("content", {})
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]
    for content in contents:
        for kind, shape in content.items():
            text = _TEXTS.get(kind)
            shape["example"] = sample(shape.get("schema", {}), known) if text is None else text


def _rights(path: str, method: str, operation: Node) -> None:
    writes = path.startswith("/api/") and method not in _READS
    need = _NEEDS.get(f"{method.upper()} {path}")
    # whether what there is may be read without a token is the lab's own rule
    free = need is not None and need.right in {None, Right.READ}
    operation["security"] = [{}, {"bearer": []}] if free else [{"bearer": []}]
    named = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    if writes and HEADER not in named:
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "the same key and request are done once and answered the same",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
                "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
            }
        )

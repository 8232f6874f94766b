"""The API's description: complete, with examples that fit, and the one that is served."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from orchestrator.web.app import build
from tests.unit.web_house import Furnished, furnish


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    with furnish(tmp_path_factory.mktemp("schema")) as home:
        answer = home.client().get("/api/openapi.json")
        yield answer.json()


def _operations(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, verbs in found["paths"].items():
        for method, operation in verbs.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_openapi_3_1_and_says_what_each_operation_does(found: Mapping[str, Any]) -> None:
    assert found["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in _operations(found)]
    assert len(names) == len(set(names)) > 40
    untold = [name for name, operation in _operations(found) if not operation.get("description")]
    assert untold == []


def test_every_operation_has_examples_that_fit(found: Mapping[str, Any]) -> None:
    shown = 0
    for name, operation in _operations(found):
        parts = [(p["name"], p) for p in operation.get("parameters", ())]
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        parts += [(k, c) for body in contents for k, c in body.get("content", {}).items()]
        assert parts, name
        for what, part in parts:
            assert "example" in part, (name, what)
            schema = {**part.get("schema", {}), "components": found["components"]}
            wrong = [str(e) for e in jsonschema_rs.iter_errors(schema, part["example"])]
            assert wrong == [], (name, what, part["example"])
            shown += 1
    assert shown > 150


def test_every_operation_says_its_errors_as_problems(found: Mapping[str, Any]) -> None:
    problems = found["components"]["responses"]
    assert set(found["components"]["schemas"]["Problem"]["required"]) == {
        *("type", "title", "status", "detail", "blame", "next")
    }
    for name, operation in _operations(found):
        for status in ("401", "403", "404", "422", "429", "500"):
            assert operation["responses"][status]["$ref"].rpartition("/")[2] in problems, name
    assert "HTTPValidationError" not in found["components"]["schemas"]


def test_every_address_of_the_api_is_described(tmp_path: Path, found: Mapping[str, Any]) -> None:
    with furnish(tmp_path) as home:
        routes = _routes(home)
    described = {name for name, _ in _operations(found)}
    hidden = {"GET /api/openapi.json", "HEAD /api/openapi.json"}
    missing = {name for name in routes - described - hidden if "/api/partner/" not in name}
    assert missing == set()


def _routes(home: Furnished) -> set[str]:
    return {
        f"{method} {re.sub(r':path}', '}', route.path)}"
        for route in build(home.house).routes
        for method in getattr(route, "methods", None) or ()
        if route.path.startswith("/api/")
    }


def test_an_operation_is_open_only_if_the_table_of_rights_lets_anybody_read(
    found: Mapping[str, Any],
) -> None:
    security = {name: operation["security"] for name, operation in _operations(found)}
    assert security["GET /api/runs"] == [{}, {"bearer": []}]
    for name in ("GET /api/users", "GET /api/audit", "GET /api/notices", "POST /api/runs"):
        assert security[name] == [{"bearer": []}], name

"""A house after a busy day, its application, and what Schemathesis holds its answers against."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import CHECKS as KNOWN
from schemathesis.specs.openapi.schemas import OpenApiSchema

from orchestrator.web.app import build
from orchestrator.web.limits import Allowance
from tests.unit.web_house import furnish
from tests.unit.web_scene import busy_day

CHECKS = KNOWN.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
#: answers without an end: `test_web_stream.py` and `test_web_manners.py` listen to them
LEFT_OUT = r"^/api/(runs/\{run\}/)?events$"


@dataclass(frozen=True, kw_only=True)
class Fuzzed:
    """The description to go by, and the headers of who may do everything."""

    schema: OpenApiSchema
    right: Mapping[str, str]


def breaches(target: Fuzzed, headers: Mapping[str, str], count: int) -> list[str]:
    """Return what is wrong with the answers to `count` requests of each operation."""
    found = []
    for result in target.schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=count,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        def asked(case: Case) -> None:
            case.call_and_validate(headers=dict(headers), checks=CHECKS)

        try:
            asked()
        except (Exception, ExceptionGroup) as error:  # noqa: BLE001  # all of them are told
            found.append(f"{operation.label}: {error}")
    return found


@contextmanager
def fuzzed(folder: Path) -> Iterator[Fuzzed]:
    """Yield an application in this process to be asked at will."""
    with furnish(folder) as home:
        busy_day(home)
        app = build(home.house, Allowance(requests=10**9))
        found = schemathesis.openapi.from_asgi("/api/openapi.json", app)
        token = home.house.token.reveal()
        yield Fuzzed(
            schema=found.exclude(path_regex=LEFT_OUT), right={"Authorization": f"Bearer {token}"}
        )

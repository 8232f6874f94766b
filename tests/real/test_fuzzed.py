"""The API against its own description, deeply: thousands of requests by Schemathesis."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.unit.web_fuzz import CHECKS, Fuzzed, fuzzed

pytestmark = pytest.mark.real
WHO = ("nobody", "the operator")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


@pytest.fixture
def described(target: Fuzzed) -> OpenApiSchema:
    return target.schema


schema = schemathesis.pytest.from_fixture("described")


@pytest.mark.parametrize("who", WHO)
@schema.parametrize()
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_breaks_the_description(case: Case, who: str, target: Fuzzed) -> None:
    headers = target.right if who == WHO[1] else {}
    case.call_and_validate(headers=headers, checks=CHECKS)

"""The API against its own description, deeply: thousands of requests by Schemathesis."""

from collections.abc import Iterator

import pytest

from tests.unit.web_fuzz import Fuzzed, breaches, fuzzed

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


def test_no_answer_to_a_stranger_breaks_the_description(target: Fuzzed) -> None:
    assert breaches(target, {}, 60) == []


def test_no_answer_to_the_operator_breaks_the_description(target: Fuzzed) -> None:
    assert breaches(target, target.right, 60) == []

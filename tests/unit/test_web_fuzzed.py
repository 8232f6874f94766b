"""The API against its own description, by Schemathesis: with the operator's token and without.

A few requests of each operation here; `tests/real/test_fuzzed.py` sends many.
"""

from collections.abc import Iterator

import pytest

from tests.unit.web_fuzz import Fuzzed, breaches, fuzzed


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


def test_no_answer_to_a_stranger_breaks_the_description(target: Fuzzed) -> None:
    assert breaches(target, {}, 2) == []


def test_no_answer_to_the_operator_breaks_the_description(target: Fuzzed) -> None:
    assert breaches(target, target.right, 2) == []

"""Changes of many threads in one transaction: each has its own result, or its own error."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.drivers.store.together import Together
from orchestrator.model.errors import Bug, ConfigError

MANY = 64
#: seconds that a change takes while others come
SLOW = 0.05


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/store.sqlite")


def test_who_comes_meanwhile_goes_along_with_the_next_and_has_its_own_result(
    database: Database,
) -> None:
    sizes: list[int] = []

    def double(_: Transaction, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        time.sleep(SLOW)
        return [2 * item for item in items]

    together = Together(database)
    with ThreadPoolExecutor(MANY) as pool:
        found = list(pool.map(partial(together.do, double), range(MANY)))
    assert found == [2 * item for item in range(MANY)]
    assert sum(sizes) == MANY
    assert len(sizes) < MANY / 4, sizes


def test_changes_of_several_kinds_go_together(database: Database) -> None:
    # the transactions themselves: one that is gone might lend its identity to the next
    seen: list[tuple[Transaction, int]] = []
    gate = threading.Barrier(MANY)

    def change(kind: int, tx: Transaction, items: Sequence[int]) -> Sequence[int]:
        seen.append((tx, kind))
        time.sleep(SLOW)
        return [kind * item for item in items]

    kinds = [partial(change, 2), partial(change, 3)]
    together = Together(database)

    def ask(item: int) -> int:
        gate.wait()
        return together.do(kinds[item % 2], item)

    with ThreadPoolExecutor(MANY) as pool:
        found = list(pool.map(ask, range(MANY)))
    assert found == [(2 + item % 2) * item for item in range(MANY)]
    transactions = [
        {kind for _, kind in group} for _, group in groupby(seen, key=lambda pair: id(pair[0]))
    ]
    assert {2, 3} in transactions
    assert len(seen) < MANY / 4, seen


def test_one_that_is_wrong_fails_alone(database: Database) -> None:
    gate = threading.Barrier(MANY)

    def refuse_seven(_: Transaction, items: Sequence[int]) -> Sequence[int]:
        if 7 in items:
            msg = "seven"
            raise ConfigError(msg)
        return items

    together = Together(database)

    def ask(item: int) -> int:
        gate.wait()
        try:
            return together.do(refuse_seven, item)
        except ConfigError:
            return -1

    with ThreadPoolExecutor(MANY) as pool:
        found = list(pool.map(ask, range(MANY)))
    assert found == [-1 if item == 7 else item for item in range(MANY)]


def test_nobody_waits_for_a_thread_that_was_ended(database: Database) -> None:
    begun, go = threading.Event(), threading.Event()

    def end(_: Transaction, items: Sequence[int]) -> Sequence[int]:
        begun.set()
        go.wait()
        if 0 in items:
            raise SystemExit
        return items

    together = Together(database)

    def ask(item: int) -> int | str:
        try:
            return together.do(end, item)
        except SystemExit:
            return "ended"
        except Bug:
            return "cut off"

    with ThreadPoolExecutor(MANY) as pool:
        first = pool.submit(ask, MANY)
        begun.wait()
        others = [pool.submit(ask, item) for item in range(MANY - 1)]
        time.sleep(10 * SLOW)
        go.set()
        assert first.result(10) == MANY
        found = [other.result(10) for other in others]
    assert found.count("ended") == 1
    assert found.count("cut off") > 0
    assert together.do(end, 1) == 1

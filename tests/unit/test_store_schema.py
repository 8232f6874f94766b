"""The schema, the file of statements, and the checker that knows what must hold."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.drivers.store import queries
from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.migrations.ddl import statements
from orchestrator.drivers.store.opened import Store, open_store
from tests.contract.storing import BROKEN, PASSED, arch, ask, enrol, judge, plan, start

FOLDER = Path(queries.__file__).parent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{file}")
    yield opened
    opened.database.close()


def change(file: Path, *lines: str) -> None:
    """Change the store behind its back."""
    with closing(sqlite3.connect(file)) as connection:
        for line in lines:
            connection.execute(line)
        connection.commit()


def test_every_statement_is_used_and_every_name_known() -> None:
    sources = [path for path in FOLDER.glob("*.py") if path.name != "queries.py"]
    words = {word for path in sources for word in re.findall(r'"(\w+)"', path.read_text())}
    calls = {
        name
        for path in sources
        for name in re.findall(r'(?:tx\.\w+|query|plain|_one)\(\s*"(\w+)"', path.read_text())
    }
    known = set(queries.queries())
    assert calls - known == set()
    assert known - words == set()


def test_statements_are_written_in_the_sql_files_only() -> None:
    verbs = re.compile(r'"[^"]*\b(select|insert into|update|delete from|create table)\s', re.I)
    found = [p.name for p in FOLDER.rglob("*.py") if verbs.search(p.read_text())]
    assert found == []


def test_comments_are_no_statements() -> None:
    script = "-- one; two\ncreate table a (b text);\n\n-- three\ncreate index c on a (b);\n"
    assert statements(script) == ("create table a (b text)", "create index c on a (b)")


def test_a_new_store_is_ready_at_once(file: Path) -> None:
    began = time.process_time()
    open_store(f"sqlite:///{file}").database.close()
    assert time.process_time() - began < 0.5
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)


def test_this_code_works_on_a_schema_of_tomorrow(file: Path, store: Store) -> None:
    run = ask(store, plan(arch("kvm")))
    change(
        file,
        "update store_version set version_num = 'r9999_pre_tomorrow'",
        "alter table runs add column weather text",
    )
    again = open_store(f"sqlite:///{file}")
    assert again.runs.run(run.id) == run
    assert ask(again, plan(arch("kvm"))).id == 2


@pytest.mark.parametrize(
    "name",
    [
        "attempts_by_id",
        "attempts_newest",
        "attempts_holding",
        "attempts_waiting",
        "attempts_waiting_of",
        "attempts_promised",
        "queue_news",
        "anyone_waits",
        "cell_by_id",
        "cells_of_run",
        "cell_aim",
        "nodes_of_cell",
        "attempts_lapsed",
        "events_of_attempt",
        "events_since",
        "leases_of_attempt",
        "nodes_in_service",
        "nodes_listed",
        "nodes_suspect",
        "run_by_id",
        "runs_newest_with_cells",
        "stages_ended",
        "tokens_raise",
    ],
)
def test_daily_statements_never_read_a_whole_large_table(
    file: Path, store: Store, name: str
) -> None:
    ask(store, plan(arch("kvm")))
    with closing(sqlite3.connect(file)) as connection:
        statement = re.sub(r"\bin (:\w+)", r"in (\1)", queries.plain(name))
        values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement), 1)
        rows = connection.execute(f"explain query plan {statement}", values)
        steps = [row[3] for row in rows]
    few = r"(attempts_waiting|attempts_holding|attempts_promised|grants_one_holder)"
    large = rf"SCAN (a|c|e|g|l|r|h|attempts|cells|events|grants|archs)\b(?!.*INDEX {few})"
    assert [step for step in steps if re.match(large, step)] == [], steps


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["drop index grants_one_holder", "update grants set freed = 0"],
            "n0 is leased to 2 attempts at once",
        ),
        (["update attempts set holding = 0 where id = '2/kvm/1'"], "which is running and has no"),
        (["update nodes set token = 9 where name = 'n0'"], "under token 2, the newest is 9"),
        (["update nodes set token = 1 where name = 'n0'"], "n0 is at token 1 after 2 leases"),
        (["update grants set freed = 1"], "2/kvm/1 has {}, its gang is"),
        (["update attempts set holding = 0 where id = '2/kvm/1'"], "2/kvm/1 runs, but its"),
        (["update attempts set state = 'waiting' where id = '2/kvm/1'"], "2/kvm/1 waits, but was"),
        (
            [
                "update attempts set state = 'done' where id = '2/kvm/1'",
                "update events set stage = 'release' where attempt = '2/kvm/1' "
                "and kind = 'finished'",
            ],
            "2/kvm/1 was released, but still has machines",
        ),
        (["update attempts set ruling = null where id = '1/kvm/1'"], "1/kvm/1 is done, but its"),
        (
            ["update attempts set ruling = '{\"verdict\": \"failed\"}' where id = '1/kvm/1'"],
            "1/kvm/1 is done and was judged 1 times, or as something else",
        ),
        (["delete from events where kind = 'judged'"], "1/kvm/1 is done and was judged 0 times"),
        (
            [
                "drop index events_end_of_stage",
                "insert into events select 99, attempt, at, kind, stage, value from events "
                "where attempt = '2/kvm/1' and kind = 'finished'",
            ],
            "2/kvm/1 ended its stage lease 2 times",
        ),
        (
            [
                "drop index attempts_open",
                "update attempts set state = 'running' where id = '1/kvm/1'",
            ],
            "1/kvm/1 is running, but another attempt followed it",
        ),
        (["update attempts set number = 5 where id = '1/kvm/2'"], "1/kvm has 2 attempts, the"),
        (["update runs set id = 7 where id = 2"], "2 runs are kept, but 7 were made"),
        (["delete from events where seq = 2"], "events are kept, but"),
        (
            [
                "update archs set value = replace(value, '\"semaphores\": []', "
                '\'"semaphores": ["san"]\')',
                "update attempts set holding = 1 where id = '1/kvm/1'",
            ],
            "san is used by 1/kvm/1 and 2/kvm/1 at once",
        ),
    ],
)
def test_the_check_finds_what_is_wrong(
    file: Path, store: Store, lines: list[str], sentence: str
) -> None:
    enrol(store, 1)
    first = start(store)
    judge(store, first, BROKEN, frozenset())
    store.queue.release(first)
    store.queue.cancel("1/kvm/2", BROKEN and store.events.of(first)[0].at)
    start(store)
    assert check(store.database) == ()
    change(file, *lines)
    found = check(store.database)
    assert any(sentence in line for line in found), found


def test_at_rest_nobody_may_have_machines(store: Store) -> None:
    enrol(store, 1)
    attempt = start(store)
    judge(store, attempt, PASSED)
    assert check(store.database) == ()
    (line,) = check(store.database, at_rest=True)
    assert line == f"{attempt} is done and still has machines, though nothing goes on"
    store.queue.release(attempt)
    assert check(store.database, at_rest=True) == ()

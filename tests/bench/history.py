"""A store with a long history, written in bulk: as many cells as asked for, of 200 archs.

The rows are what the store's own drivers would have written (its checker finds nothing wrong with
them), made by SQL inside SQLite, since a million cells by the drivers take hours.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.drivers.store.codec import encode
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.arch import Arch
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.summary import Summary
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.model.view import Phases, Tally
from orchestrator.ports.store import Enrolled

#: seconds between two runs, and between what happens in an attempt
EVERY, STEP = 600, 60
_SHA = "f00dfeed" * 5
_SUBJECT = "@subject@"
_RULINGS = (
    Ruling(verdict=Verdict.PASSED),
    Ruling(
        verdict=Verdict.FAILED,
        blame=Blame.PRODUCT,
        cause="test_two_nics: the second NIC never answered",
    ),
    Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause="no call-back", suspects=("n01",)),
)
_TESTS = tuple(
    TestResult(name=f"test_{number}", outcome=Outcome.PASSED, seconds=1) for number in range(6)
)


def write(file: Path, archs: Sequence[Arch], nodes: Sequence[str], cells: int) -> int:
    """Write the history into an empty store at `file`; return how many runs it has."""
    store = open_store(f"sqlite:///{file}")
    declared = [Enrolled(name=name, capabilities=frozenset({"x86_64"})) for name in nodes]
    store.nodes.enrol(declared, datetime.now(UTC))
    store.database.close()
    runs = cells // len(archs)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -400000"):
            connection.execute(f"pragma {pragma}")
        connection.execute("begin")
        _kept(connection, archs, nodes)
        _runs(connection, runs, datetime.now(UTC).timestamp() - EVERY * runs)
        _cells(connection)
        _happened(connection)
        connection.execute("commit")
        connection.execute("pragma journal_mode = wal")
        connection.execute("analyze")
    return runs


def _kept(connection: sqlite3.Connection, archs: Sequence[Arch], nodes: Sequence[str]) -> None:
    """Keep what the rows are made from in temporary tables."""
    connection.execute("create temp table a (position integer, name text, digest text)")
    for position, arch in enumerate(archs):
        text = encode(arch)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        connection.execute("insert into archs values (?, ?)", (digest, text))
        connection.execute("insert into a values (?, ?, ?)", (position, arch.name, digest))
    connection.execute("create temp table n (position integer primary key, name text)")
    connection.executemany("insert into n values (?, ?)", enumerate(nodes))
    connection.execute("create temp table o (kind integer primary key, verdict text, ruling text)")
    for kind, ruling in enumerate(_RULINGS):
        row = (kind, str(ruling.verdict), encode(ruling))
        connection.execute("insert into o values (?, ?, ?)", row)
    connection.execute("create temp table s (step integer, kind text, stage text, value text)")
    events = (
        Event(kind=Kind.STARTED, stage=Stage.LEASE),
        Event(kind=Kind.STARTED, stage=Stage.SMOKE),
        Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=_TESTS),
        Event(kind=Kind.FINISHED, stage=Stage.SMOKE),
    )
    for step, event in enumerate(events):
        row = (step, str(event.kind), str(event.stage), encode(event))
        connection.execute("insert into s values (?, ?, ?, ?)", row)


def _runs(connection: sqlite3.Connection, runs: int, since: float) -> None:
    commit = Commit(repo="product", ref="@ref@", sha=_SHA, subject=_SUBJECT)
    snapshot = encode(Snapshot(commit=commit, archive=""))
    connection.execute(
        """
        with recursive i (x) as (select 1 union all select x + 1 from i where x < :runs)
        insert into runs
        select x, null, 'product', case x % 4 when 0 then 'topic-' || (x % 200) else 'trunk' end,
            case x % 5 when 0 then 'nightly' else 'asked' end, 'dev' || (x % 40), '',
            strftime('%Y-%m-%dT%H:%M:%S', :since + x * :every, 'unixepoch') || '.000000+00:00',
            printf('%040x+', x), '{}',
            replace(replace(replace(:snapshot, :subject, 'Change number ' || x),
                :sha, printf('%040x', x)), '@ref@',
                case x % 4 when 0 then 'topic-' || (x % 200) else 'trunk' end), '[]'
        from i
        """,
        {
            "runs": runs,
            "since": int(since),
            "every": EVERY,
            "snapshot": snapshot,
            "subject": _SUBJECT,
            "sha": _SHA,
        },
    )


def _cells(connection: sqlite3.Connection) -> None:
    """Write the cells, an attempt at each, and the machine that it had."""
    phases = Phases(lease=1.0, provision=60.0, deploy=120.0, smoke=120.0)
    summary = encode(Summary(phases=phases, tests=Tally(passed=len(_TESTS))))
    connection.execute(
        "insert into cells select r.id || '/' || a.name, r.id, a.position, a.digest"
        " from runs r cross join a order by r.id, a.position"
    )
    connection.execute(
        """
        insert into attempts (id, cell, run, number, state, priority, asked_at, avoid, granted_at,
            verdict, ruling, summary)
        select c.id || '/1', c.id, c.run, 1, 'done', 10, r.asked_at, '[]', r.asked_at, o.verdict,
            o.ruling, :summary
        from cells c join runs r on r.id = c.run
        join o on o.kind = case (c.run * 7 + c.position * 13) % 40 when 0 then 1 when 1 then 2
            else 0 end
        order by c.run, c.position
        """,
        {"summary": summary},
    )
    connection.execute(
        """
        insert into grants (node, token, attempt, role, position, freed)
        select n.name, (a.rowid - 1) / (select count(*) from n) + 1, a.id, 'control', 0, 1
        from attempts a join n on n.position = (a.rowid - 1) % (select count(*) from n)
        """
    )
    connection.execute(
        "update nodes set token = (select count(*) from grants g where g.node = nodes.name)"
    )


def _happened(connection: sqlite3.Connection) -> None:
    judged = encode(Event(kind=Kind.JUDGED, stage=Stage.VERDICT))
    before, _, after = judged.partition('"ruling": null')
    connection.execute(
        """
        insert into events (seq, attempt, at, kind, stage, value)
        select (a.rowid - 1) * 5 + s.step + 1, a.id,
            strftime('%Y-%m-%dT%H:%M:%S', a.asked_at, (s.step * :step) || ' seconds')
                || '.000000+00:00', s.kind, s.stage, coalesce(s.value,
                :before || '"ruling": ' || a.ruling || :after)
        from attempts a cross join
            (select * from s union all select 4, 'judged', 'verdict', null) s
        order by a.rowid, s.step
        """,
        {"step": STEP, "before": before, "after": after},
    )

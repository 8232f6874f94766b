"""The lane `merged`: the newest commit of a branch wins, arch by arch."""

from datetime import datetime

from orchestrator.drivers.store.attempts import record, settle
from orchestrator.drivers.store.database import Transaction
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, RunId, run_of
from orchestrator.model.verdict import Ruling, Verdict


def supersede(tx: Transaction, run: RunId, archs: frozenset[str], now: datetime) -> None:
    """Settle what waits for `archs` in older runs of the same branch as cancelled by `run`."""
    for row in tx.all("attempts_outdated", run=run):
        if row.cell.partition("/")[2] not in archs:
            continue
        why = f"superseded by run {run}, which has a newer commit of {row.ref}"
        over = Event(kind=Kind.FAILED, stage=Stage.LEASE, text=why)
        record(tx, [(AttemptId(row.attempt), over)], now)
        settle(tx, [AttemptId(row.attempt)], Ruling(verdict=Verdict.CANCELLED, cause=why), now)


def successor(tx: Transaction, attempt: AttemptId) -> int | None:
    """Return the newest run that superseded the attempt's own for the same arch, or None."""
    cell = attempt.rpartition("/")[0]
    row = tx.single("run_succeeding", run=run_of(attempt), arch=cell.partition("/")[2])
    return None if row.id is None else int(row.id)

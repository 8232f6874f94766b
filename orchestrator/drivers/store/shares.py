"""Everybody's fair share of the machines, within a transaction."""

from datetime import datetime
from typing import Final

from orchestrator.drivers.store.codec import stamp
from orchestrator.drivers.store.database import Transaction
from orchestrator.model.lease import LONG_AGO, Account, Ledger, Schedule

#: the row that says where whoever asks anew begins
_CLOCK: Final = ""
_MILLI: Final = 1000


def read(tx: Transaction) -> Ledger:
    """Return the ledger as the last pass left it."""
    found = {
        row.owner: Account(
            owner=row.owner,
            spent=row.spent / _MILLI,
            served_at=datetime.fromisoformat(row.served_at),
        )
        for row in tx.all("shares_all")
    }
    clock = found.pop(_CLOCK, Account(owner=_CLOCK)).spent
    return Ledger(clock=clock, accounts=tuple(found.values()))


def keep(tx: Transaction, schedule: Schedule) -> None:
    """Store what the pass changed in the ledger; nothing if it granted nothing."""
    if schedule.ledger is None or not schedule.grants:
        return
    clock = Account(owner=_CLOCK, spent=schedule.ledger.clock, served_at=LONG_AGO)
    tx.many(
        "share_keep",
        (
            {
                "owner": account.owner,
                "spent": round(account.spent * _MILLI),
                "served_at": stamp(account.served_at),
            }
            for account in (*schedule.ledger.accounts, clock)
        ),
    )

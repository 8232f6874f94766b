"""What lieutenants say of reds, and when they last looked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import CellId
from orchestrator.model.waiver import Sort, Waiver


@dataclass(frozen=True, slots=True)
class Waivers:
    """`ports.waivers.Waivers` over a database."""

    database: Database

    def add(self, waiver: Waiver) -> Waiver:
        """Store it and return it with its id; one for the same cell and sort ends."""
        with self.database.write() as tx:
            number = tx.single("waiver_next").id
            at = stamp(waiver.at)
            tx.run("waivers_end", cell=waiver.cell, sort=waiver.sort, at=at)
            tx.run(
                "waiver_insert",
                waiver=number,
                sort=waiver.sort,
                cell=waiver.cell,
                arch=waiver.arch,
                repo=waiver.repo,
                ref=waiver.ref,
                symptom=waiver.symptom,
                reason=waiver.reason,
                by=waiver.by,
                at=at,
                until=stamp(waiver.until) if waiver.until else None,
            )
        return replace(waiver, id=number)

    def of_branch(self, arch: str, repo: str, ref: str) -> tuple[Waiver, ...]:
        """Return all of an arch on a branch, the newest first."""
        with self.database.read() as tx:
            return tuple(map(_waiver, tx.all("waivers_of_branch", arch=arch, repo=repo, ref=ref)))

    def of_archs(self, archs: Sequence[str]) -> tuple[Waiver, ...]:
        """Return all of some archs that were not taken back, the newest first."""
        with self.database.read() as tx:
            return tuple(map(_waiver, tx.all("waivers_of_archs", archs=list(archs))))

    def withdraw(self, waiver: int, now: datetime) -> Waiver:
        """Take it back; raise `NotFound`."""
        with self.database.write() as tx:
            tx.run("waiver_end", waiver=waiver, at=stamp(now))
            row = tx.one("waiver_by_id", waiver=waiver)
        if row is None:
            raise NotFound(f"there is no waiver {waiver}; `smoketest changes` lists them")
        return _waiver(row)

    def looked(self, lieutenant: str) -> datetime | None:
        """Return until when the lieutenant has seen what changed, or None."""
        with self.database.read() as tx:
            row = tx.one("look_of", lieutenant=lieutenant)
        return instant(row.at) if row else None

    def look(self, lieutenant: str, at: datetime) -> None:
        """Remember that all until then was seen."""
        with self.database.write() as tx:
            tx.run("look_move", lieutenant=lieutenant, at=stamp(at))


def _waiver(row: Row[Any]) -> Waiver:
    return Waiver(
        id=row.id,
        sort=Sort(row.sort),
        cell=CellId(row.cell),
        arch=row.arch,
        repo=row.repo,
        ref=row.ref,
        symptom=row.symptom,
        reason=row.reason,
        by=row.by_whom,
        at=datetime.fromisoformat(row.at),
        until=instant(row.until),
        withdrawn_at=instant(row.withdrawn_at),
    )

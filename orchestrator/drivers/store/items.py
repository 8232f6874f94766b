"""Builds that Jenkins clients asked for, and jobs that they described."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.drivers.store.codec import ITEM, encode
from orchestrator.drivers.store.database import Database
from orchestrator.model.ids import RunId
from orchestrator.model.job import Item


@dataclass(frozen=True, slots=True)
class Items:
    """`ports.store.Items` over a database."""

    database: Database

    def put(self, item: Item) -> Item:
        """Store the item and return it, or the one that its run has."""
        with self.database.write() as tx:
            tx.run("item_insert", run=item.run, job=item.job, value=encode(item))
            row = tx.single("item_of_run", run=item.run)
        return ITEM.validate_json(row.value)

    def find(self, run: RunId) -> Item | None:
        """Return the item of a run, or None."""
        with self.database.read() as tx:
            row = tx.one("item_of_run", run=run)
        return ITEM.validate_json(row.value) if row else None

    def of_job(self, job: str, limit: int) -> tuple[Item, ...]:
        """Return the newest items of a job, or of all jobs if it is empty."""
        with self.database.read() as tx:
            rows = tx.all("items_newest", job=job, limit=limit)
        return tuple(ITEM.validate_json(row.value) for row in rows)

    def describe(self, job: str, xml: str) -> None:
        """Keep the description of a job; an empty one removes it."""
        with self.database.write() as tx:
            if xml:
                tx.run("job_describe", job=job, xml=xml)
            else:
                tx.run("job_forget", job=job)

    def described(self) -> Mapping[str, str]:
        """Return the jobs that were described, with their descriptions."""
        with self.database.read() as tx:
            return {row.name: row.xml for row in tx.all("jobs_described")}

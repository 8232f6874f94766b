"""How far watches of repositories got."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.drivers.store.codec import stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.watch import Seen


@dataclass(frozen=True, slots=True)
class Watches:
    """`ports.store.Watches` over a database."""

    database: Database

    def seen(self, watch: str) -> tuple[Seen, ...]:
        """Return how far the watch got, branch by branch."""
        with self.database.read() as tx:
            rows = tx.all("watch_seen", watch=watch)
        return tuple(
            Seen(branch=row.branch, sha=row.sha, at=datetime.fromisoformat(row.at), run=row.run)
            for row in rows
        )

    def see(self, watch: str, seen: Seen) -> None:
        """Store how far the watch got on that branch."""
        with self.database.write() as tx:
            tx.run(
                "watch_see",
                watch=watch,
                branch=seen.branch,
                sha=seen.sha,
                at=stamp(seen.at),
                run=seen.run,
            )

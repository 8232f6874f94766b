"""The nodes' standing: in service or why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from orchestrator.drivers.store.codec import encode, instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import NodeState, NodeStatus
from orchestrator.ports.store import Enrolled


@dataclass(frozen=True, slots=True)
class Nodes:
    """`ports.store.Nodes` over a database."""

    database: Database

    def enrol(self, nodes: Sequence[Enrolled], now: datetime) -> None:
        """Make exactly these the lab's nodes; who leaves keeps its token and standing for later."""
        with self.database.write() as tx:
            tx.run("nodes_unlist")
            tx.many(
                "node_list",
                (
                    {
                        "node": node.name,
                        "position": position,
                        "capabilities": encode(node.capabilities),
                        "state": NodeState.IN_SERVICE,
                        "since": stamp(now),
                    }
                    for position, node in enumerate(nodes)
                ),
            )

    def all(self) -> tuple[NodeStatus, ...]:
        """Return every enrolled node's standing, in the order of enrolment."""
        with self.database.read() as tx:
            rows = tx.all("nodes_listed")
        return tuple(
            NodeStatus(
                name=row.name,
                state=NodeState(row.state),
                reason=row.reason,
                since=instant(row.since),
                holder=row.holder or "",
                held_until=instant(row.held_until),
                marks=row.marks,
            )
            for row in rows
        )

    def set_state(self, node: str, state: NodeState, reason: str, now: datetime) -> None:
        """Take a node in (its marks forgiven) or out of service; raise `NotFound`."""
        with self.database.write() as tx:
            row = tx.one("node_by_name", node=node)
            if row is None:
                msg = f"there is no node {node}; `smoketest nodes` lists them"
                raise NotFound(msg)
            if (row.state, row.reason) != (state, reason):
                tx.run("node_set_state", node=node, state=state, reason=reason, since=stamp(now))
            if state is NodeState.IN_SERVICE:
                tx.run("marks_forgive", node=node)

    def mark(self, node: str, attempt: AttemptId, commit: str, now: datetime) -> None:
        """Remember that `attempt` at `commit` was broken by this node; once per attempt."""
        with self.database.write() as tx:
            tx.run("mark_insert", node=node, attempt=attempt, commit=commit, at=stamp(now))

    def suspects(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each in-service node with the known-good commits it broke since last trusted."""
        with self.database.read() as tx:
            rows = tx.all("nodes_suspect")
        by_node = groupby(rows, key=lambda row: str(row.node))
        return tuple((node, tuple(row.commit_name for row in broken)) for node, broken in by_node)

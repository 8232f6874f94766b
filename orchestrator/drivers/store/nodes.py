"""The nodes' standing: in service or why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.attempts import record
from orchestrator.drivers.store.codec import encode, instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Cause, NodeState, NodeStatus
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
                cause=Cause(row.cause),
                since=instant(row.since),
                holder=row.holder or "",
                held_until=instant(row.held_until),
                marks=row.marks,
            )
            for row in rows
        )

    def tally(self) -> Mapping[tuple[NodeState, bool], int]:
        """Return how many nodes are in which state, leased or not."""
        with self.database.read() as tx:
            rows = tx.all("nodes_tally")
        return {(NodeState(row.state), bool(row.leased)): int(row.many) for row in rows}

    def set_state(
        self,
        node: str,
        state: NodeState,
        reason: str,
        now: datetime,
        cause: Cause = Cause.WORK,
    ) -> None:
        """Take a node in (its marks forgiven) or out of service; raise `NotFound`.

        A quarantine leaves a drained node drained, and one that is quarantined for its work that.
        """
        with self.database.write() as tx:
            row = tx.one("node_by_name", node=node)
            if row is None:
                msg = f"there is no node {node}; `smoketest nodes` lists them"
                raise NotFound(msg)
            if state is NodeState.QUARANTINED:
                state, reason, cause = _stricter(row, reason, cause)
            if (row.state, row.reason, row.cause) != (state, reason, cause):
                since = stamp(now)
                tx.run(
                    "node_set_state",
                    node=node,
                    state=state,
                    reason=reason,
                    cause=cause,
                    since=since,
                )
            if state is NodeState.IN_SERVICE:
                tx.run("marks_forgive", node=node)

    def reserve(self, node: str, reason: str, now: datetime) -> bool:
        """Drain a node that is in service and that nobody has; return whether it was such."""
        with self.database.write() as tx:
            return tx.run("node_reserve", node=node, reason=reason, since=stamp(now)) > 0

    def give_back(self, reason: str, now: datetime, node: str = "") -> None:
        """Bring back whatever was reserved for that reason (only `node` if named), marks kept."""
        with self.database.write() as tx:
            tx.run("nodes_give_back", node=node, reason=reason, since=stamp(now))

    def recover(self, node: str, since: datetime, reason: str, now: datetime) -> bool:
        """Bring back a node that is quarantined for its BMC since then; False if it is not."""
        with self.database.write() as tx:
            if not tx.run("node_recover", node=node, since=stamp(since), now=stamp(now)):
                return False
            tx.run("marks_forgive", node=node)
            if last := tx.one("node_last_holder", node=node):
                note = Event(kind=Kind.NOTE, stage=Stage.RELEASE, node=node, text=reason)
                record(tx, [(AttemptId(last.attempt), note)], now)
        return True

    def mark(
        self,
        node: str,
        attempt: AttemptId,
        commit: str,
        now: datetime,
        cause: Cause = Cause.WORK,
    ) -> None:
        """Remember that `attempt` at `commit` was broken by this node; once per attempt."""
        with self.database.write() as tx:
            values = {"node": node, "attempt": attempt, "commit": commit, "at": stamp(now)}
            tx.run("mark_insert", cause=cause, **values)

    def cause(self, node: str) -> Cause:
        """Return `Cause.BMC` if that is the cause of all the node's marks since last trusted."""
        with self.database.read() as tx:
            causes = {Cause(row.cause) for row in tx.all("marks_causes", node=node)}
        return Cause.BMC if causes == {Cause.BMC} else Cause.WORK

    def suspects(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each in-service node with the known-good commits it broke since last trusted."""
        with self.database.ask() as tx:
            rows = tx.all("nodes_suspect")
        by_node = groupby(rows, key=lambda row: str(row.node))
        return tuple((node, tuple(row.commit_name for row in broken)) for node, broken in by_node)


def _stricter(row: Row[Any], reason: str, cause: Cause) -> tuple[NodeState, str, Cause]:
    """Return how a node stands that is to be quarantined: never easier to bring back than now."""
    if row.state == NodeState.DRAINED:
        both = row.reason if reason in row.reason else f"{row.reason}; and {reason}"
        return NodeState.DRAINED, both, Cause.WORK
    if row.state == NodeState.QUARANTINED and row.cause == Cause.WORK:
        cause = Cause.WORK
    return NodeState.QUARANTINED, reason, cause

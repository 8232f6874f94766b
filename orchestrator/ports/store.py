"""The one store: runs, events, the queue with its leases, and the nodes' standing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.model.arch import Arch
from orchestrator.model.attestation import Attestation, Attested
from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.lease import Lease, Schedule, Situation, Turn
from orchestrator.model.node import Access, Cause, NodeState, NodeStatus
from orchestrator.model.offer import Offer
from orchestrator.model.request import Request, Snapshot
from orchestrator.model.run import Cell, Plan, Run
from orchestrator.model.verdict import Ruling
from orchestrator.model.watch import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A node as the lab file declares it, for the store to keep a standing of."""

    name: str
    capabilities: frozenset[str]


class Runs(Protocol):
    """Requests, runs and cells."""

    def add(
        self, request: Request, plan: Plan, rulings: Mapping[str, Ruling], now: datetime
    ) -> Run:
        """Store the run, its cells and their first attempts in one transaction.

        The cells of archs in `rulings` (a patch does not apply; the arch has nothing to say about
        this commit) are stored as judged; the others are queued. In the lane `merged` they take the
        place of what waits for the same archs in older runs of that branch, which is settled as
        cancelled and names this run. A request whose key is known returns the run that has it.
        """
        ...

    def run(self, run: RunId) -> Run:
        """Return the run; raise `NotFound`."""
        ...

    def runs(self, *, repo: str = "", limit: int = 50) -> tuple[Run, ...]:
        """Return the newest runs first."""
        ...

    def recent(self, repo: str, limit: int) -> tuple[tuple[Run, tuple[Cell, ...]], ...]:
        """Return the newest runs first, each with its cells in the order of its plan: the matrix.

        Of all repositories if `repo` is empty.
        """
        ...

    def plan(self, run: RunId) -> Plan:
        """Return the run's frozen plan."""
        ...

    def aim(self, cell: CellId) -> tuple[Arch, Snapshot]:
        """Return what the cell tests on which arch, however large its run; raise `NotFound`."""
        ...

    def cells(self, run: RunId) -> tuple[Cell, ...]:
        """Return the run's cells in the order of its plan."""
        ...

    def cell(self, cell: CellId) -> Cell:
        """Return the cell; raise `NotFound`."""
        ...


class Events(Protocol):
    """The history that states are derived from."""

    def append(
        self,
        attempt: AttemptId,
        events: Sequence[Event],
        now: datetime,
        *,
        retry: frozenset[str] | None = None,
        turn: Turn | None = None,
        walk: int = 0,
    ) -> bool:
        """Store events with their time, or `now`; return whether the attempt is to stop.

        With a `walk` that was taken over, or a stage that would begin without machines, raise
        `LeaseLost` and store nothing.

        A stage's end is stored once: a repeat is dropped, with what comes along of that stage. So
        is `JUDGED`, which settles the attempt: its ruling becomes the attempt's. With `retry` the
        next attempt at the cell is queued in the same transaction, away from the nodes in `retry`
        and those that earlier attempts kept away from, unless somebody asked this one to stop; the
        cell then waits again, else the ruling is the cell's. It takes the `turn`, or (without one)
        the next try by the same alternative of its arch.
        """
        ...

    def of(self, attempt: AttemptId) -> tuple[Event, ...]:
        """Return the attempt's events, oldest first."""
        ...

    def since(self, seq: int, limit: int = 500) -> tuple[tuple[AttemptId, Event], ...]:
        """Return what happened after position `seq` anywhere, oldest first."""
        ...

    def of_run(self, run: RunId, seq: int, limit: int = 500) -> tuple[tuple[AttemptId, Event], ...]:
        """Return what happened in the run after position `seq`, oldest first."""
        ...


class Queue(Protocol):
    """Who waits for machines and who has them."""

    def due(self, *, woken: bool) -> bool:
        """Return whether a scheduling pass is worth it now, `woken` by a change or by the clock."""
        ...

    def grant(self, decide: Callable[[Situation], Schedule], now: datetime) -> Schedule:
        """Show queue, nodes and shares to `decide`; store its grants, reasons and ledger.

        One transaction: nobody else leases in between; each granted node's token is raised. Who
        waits for a semaphore that another attempt has is not shown. Who waits for what no node in
        service can do, and whose arch has another alternative, is judged broken for that, and the
        next attempt goes the next one. Raises `Bug` and stores nothing if `decide` gives a node
        that is not free, or less than a whole gang.
        """
        ...

    def situation(self, now: datetime) -> Situation:
        """Return what `grant` would show now; nothing changes."""
        ...

    def promote(self, cells: Sequence[CellId], reason: str, now: datetime) -> tuple[AttemptId, ...]:
        """Put those cells that wait before everybody else's, and return their attempts."""
        ...

    def granted(self) -> tuple[AttemptId, ...]:
        """Return the attempts that hold their lease and were not released yet."""
        ...

    def leases(self, attempt: AttemptId) -> tuple[Lease, ...]:
        """Return what the attempt holds now, in the order of its roles."""
        ...

    def turn(self, attempt: AttemptId) -> Turn:
        """Return which alternative of its arch the attempt goes, and which try by it this is."""
        ...

    def recheck(self, cell: CellId, now: datetime, way: int = 0) -> AttemptId:
        """Queue a fresh attempt at a settled cell and return it; raise `ConfigError` if it runs.

        It goes the arch's alternative number `way`. If an attempt waits already, that one is
        returned.
        """
        ...

    def cancel(self, attempt: AttemptId, now: datetime) -> bool:
        """Mark the attempt for stopping; return whether it never ran (and so is settled now)."""
        ...

    def walk(self, attempt: AttemptId, walker: str) -> int:
        """Begin a walk of the attempt by a worker, and return its number.

        Whatever an earlier walk still wants to store or do is refused from now on. Raises
        `LeaseLost` if the attempt has no machines (any more).
        """
        ...

    def guard(self, attempt: AttemptId, walk: int = 0) -> None:
        """Raise `Cancelled` or `LeaseLost` if the attempt (that walk of it) must stop."""
        ...

    def hold(self, attempt: AttemptId, until: datetime) -> None:
        """Keep the attempt's machines after its verdict until then; raise `NotFound` if freed."""
        ...

    def held_until(self, attempt: AttemptId) -> datetime | None:
        """Return until when a person holds the attempt's machines, or None."""
        ...

    def release(self, attempt: AttemptId, walk: int = 0) -> None:
        """Give the attempt's nodes back; `LeaseLost` for a walk that was taken over."""
        ...


class Nodes(Protocol):
    """The nodes' standing: in service or why not."""

    def enrol(self, nodes: Sequence[Enrolled], now: datetime) -> None:
        """Make exactly these the lab's nodes; the standing of known ones is kept."""
        ...

    def all(self) -> tuple[NodeStatus, ...]:
        """Return every enrolled node's standing, in the order of enrolment."""
        ...

    def tally(self) -> Mapping[tuple[NodeState, bool], int]:
        """Return how many nodes are in which state, leased or not."""
        ...

    def set_state(
        self,
        node: str,
        state: NodeState,
        reason: str,
        now: datetime,
        cause: Cause = Cause.WORK,
    ) -> None:
        """Take a node in or out of service; raise `NotFound`.

        A quarantine leaves a drained node drained, and one that is quarantined for its work that:
        `cause` never makes it easier to come back.
        """
        ...

    def recover(self, node: str, since: datetime, reason: str, now: datetime) -> bool:
        """Bring back a node that is quarantined for its BMC since then, its marks forgiven.

        The reason becomes a note of the attempt that had it last. Returns False, and does nothing,
        if the node's standing has changed.
        """
        ...

    def reserve(self, node: str, reason: str, now: datetime) -> bool:
        """Drain a node that is in service and that nobody has; return whether it was such.

        One transaction: nobody leases it in between. Its marks are kept.
        """
        ...

    def give_back(self, reason: str, now: datetime, node: str = "") -> None:
        """Bring back whatever was reserved for that reason (only `node` if named), marks kept."""
        ...

    def mark(
        self,
        node: str,
        attempt: AttemptId,
        commit: str,
        now: datetime,
        cause: Cause = Cause.WORK,
    ) -> None:
        """Remember that `attempt` at `commit` was broken by this node; once per attempt."""
        ...

    def cause(self, node: str) -> Cause:
        """Return `Cause.BMC` if that is the cause of all the node's marks since last trusted."""
        ...

    def suspects(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each in-service node with the known-good commits it broke since last trusted.

        A commit is known-good when some cell of it passed on other machines.
        """
        ...


class Watches(Protocol):
    """How far watches of repositories got."""

    def seen(self, watch: str) -> tuple[Seen, ...]:
        """Return how far the watch got, branch by branch; none before it began."""
        ...

    def see(self, watch: str, seen: Seen) -> None:
        """Store how far the watch got on that branch; the newest word counts."""
        ...


class Attestations(Protocol):
    """What machines were found to be after their installs."""

    def record(self, node: str, image: str, found: Attestation, now: datetime) -> Attested:
        """Store `found` as the newest of that node and image, and return it with the reference.

        The reference is the first since a person trusted the node: `found` itself if there is none.
        """
        ...

    def renew(self, node: str, image: str, reference: Attestation) -> None:
        """Replace what later attestations are compared with; since when it counts stays."""
        ...

    def forget(self, node: str) -> None:
        """Forget the node's references: a person trusts it as it is."""
        ...

    def all(self) -> tuple[Attested, ...]:
        """Return what is known of each node and image, the newest last."""
        ...


class Offers(Protocol):
    """Boot offers, shared by the boot drivers and the boot server."""

    def put(self, offer: Offer) -> Offer:
        """Store the offer and return it; one for the same node and attempt is kept and returned.

        An older attempt's offer to the same node is forgotten.
        """
        ...

    def find(self, node: str, attempt: AttemptId) -> Offer | None:
        """Return the node's offer for that attempt, or None."""
        ...

    def by_mac(self, mac: str) -> Offer | None:
        """Return the offer for a MAC address in any case or separator, or None."""
        ...

    def by_token(self, token: str) -> Offer | None:
        """Return the offer, or None when the token was never given or was withdrawn."""
        ...

    def fetched(self, token: str, what: str) -> None:
        """Remember that the node fetched `what`."""
        ...

    def arrive(self, token: str, access: Access) -> bool:
        """Store the call-back; return False when the token is unknown or was used by another.

        A repeat of the same call-back is taken for the same: its answer may have been lost.
        """
        ...

    def drop(self, node: str, attempt: AttemptId) -> None:
        """Forget the offer."""
        ...

"""The library: everything that people and scripts are shown, derived and never stored twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from shlex import quote
from statistics import median

from orchestrator.model import summary
from orchestrator.model.arch import Arch
from orchestrator.model.attestation import Attested
from orchestrator.model.coverage import covers, within
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Kind
from orchestrator.model.experience import Experience
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.node import Access, Node, NodeStatus, Provenance
from orchestrator.model.request import Request
from orchestrator.model.run import Cell, Plan
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.model.view import (
    ArchView,
    AttemptView,
    CellDetail,
    NodeView,
    Owner,
    PlannedCell,
    PlanView,
    RunView,
)
from orchestrator.ports.board import Sought
from orchestrator.ports.clock import Clock
from orchestrator.ports.files import Files
from orchestrator.ports.store import Attestations, Events, Nodes, Queue, Runs
from orchestrator.service.catalogue import Catalogue
from orchestrator.service.lab import Lab
from orchestrator.service.timing import asked, timed, worded
from orchestrator.stages.plan import never_meet, pair_coverage

#: how many earlier runs an estimate looks back on
HISTORY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Reads the store."""

    lab: Lab
    clock: Clock
    runs_: Runs
    events: Events
    queue: Queue
    nodes_: Nodes
    attestations: Attestations
    files: Files
    #: where an attempt's private SSH key is
    key: Callable[[AttemptId], str]
    catalogue: Catalogue
    #: what is known of how long things take
    experience: Callable[[], Experience] = Experience
    #: archs do not change while the orchestrator runs
    _archs: Callable[[], tuple[ArchView, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with no arch shown."""
        shown = cache(lambda: tuple(map(_arch, self.lab.archs.values())))
        object.__setattr__(self, "_archs", shown)

    @property
    def url(self) -> str:
        """Return where the pages answer."""
        return self.catalogue.url

    def run(self, run: RunId) -> RunView:
        """Return the run with every cell in full; raise `NotFound`."""
        return self.catalogue.run(run)

    def recent(self, *, repo: str = "", limit: int = 20) -> tuple[RunView, ...]:
        """Return the newest runs first, each with its cells: the matrix."""
        return self.catalogue.runs(Sought(repo=repo), limit)

    def cell(self, cell: CellId, *, alone: bool = False) -> CellDetail:
        """Return the cell with its run and attempts; raise `NotFound`.

        If it is wanted `alone`, the run has no other cell, and no exit status.
        """
        found = self.runs_.cell(cell)
        run = self.catalogue.around(cell) if alone else self.catalogue.run(found.run)
        return CellDetail(
            run=run,
            cell=next(one for one in run.cells if one.cell == cell),
            lieutenants=found.arch.lieutenants,
            attempts=tuple(map(self._attempt, found.attempts)),
        )

    def plan(self, request: Request, plan: Plan, rulings: Mapping[str, Ruling]) -> PlanView:
        """Return what the plan would cost on this lab, from the history of its archs.

        Cells with a ruling cost nothing: they are settled already.
        """
        usual = self._usual()
        cells = tuple(
            _planned(arch, usual.get(arch.name), rulings.get(arch.name)) for arch in plan.archs
        )
        times = [(cell.machines, cell.usual_seconds) for cell in cells if not cell.skipped]
        seconds = [count * t for count, t in times if t is not None]
        known = len(seconds) == len(times)
        longest = max((t for _, t in times if t is not None), default=0.0)
        run = [arch for arch in plan.archs if arch.name not in rulings]
        covered, possible = pair_coverage(run, list(self.lab.archs.values()))
        commit = plan.snapshot.commit
        view = PlanView(
            repo=request.repo,
            ref=request.ref,
            commit=commit.name,
            subject=commit.subject,
            cells=cells,
            machines=sum(cell.machines for cell in cells if not cell.skipped),
            machine_hours=round(sum(seconds) / 3600, 3) if known else None,
            estimate_seconds=max(longest, sum(seconds) / self._in_service()) if known else None,
            pairs_covered=covered,
            pairs_possible=possible,
            never_meet=tuple(map(worded, never_meet(list(self.lab.archs.values())))),
        )
        now = self.clock.now()
        situation = self.queue.situation(now)
        return timed(view, asked(request, run, now), situation, self.experience())

    def nodes(self) -> tuple[NodeView, ...]:
        """Return every node with its standing."""
        newest = {attested.node: attested for attested in self.attestations.all()}
        return tuple(
            _node(self.lab.nodes[status.name], status, newest.get(status.name))
            for status in self.nodes_.all()
        )

    def archs(self) -> tuple[ArchView, ...]:
        """Return every arch with who answers for it."""
        return self._archs()

    def who(self, subject: str) -> Owner:
        """Return who answers for an arch, a hypervisor, a network model or a path of the product.

        Raises `NotFound` with the words that are known.
        """
        by_name = [a for a in self.lab.archs.values() if a.name == subject]
        # Who answers for one hypervisor is asked of archs that have no other.
        plain = "".join(c for c in subject.lower() if c.isalnum())
        by_kind = [a for a in self.lab.archs.values() if a.hypervisors in {(subject,), (plain,)}]
        by_model = [a for a in self.lab.archs.values() if a.networks == (subject,)]
        path = subject.removeprefix("./")
        by_path = [a for a in self.lab.archs.values() if covers(a, path)]
        below = [a for a in self.lab.archs.values() if any(within(g, path) for g in a.covers)]
        ways = (
            (by_name, "it is an arch"),
            (by_kind, "it is a hypervisor"),
            (by_model, "it is a network model"),
            (by_path, "these archs exercise that path"),
            (below, "these archs exercise what is below that folder"),
        )
        for archs, because in ways:
            if archs:
                people = tuple(dict.fromkeys(p for arch in archs for p in arch.lieutenants))
                names = tuple(arch.name for arch in archs)
                return Owner(lieutenants=people, archs=names, because=because)
        kinds = sorted({kind for arch in self.lab.archs.values() for kind in arch.hypervisors})
        models = sorted({model for arch in self.lab.archs.values() for model in arch.networks})
        msg = (
            f"nobody is named for {subject!r}: it is no arch (`smoketest archs`), no hypervisor "
            f"({', '.join(kinds)}), no network model ({', '.join(models)}) and no path that an "
            "arch covers"
        )
        raise NotFound(msg)

    def _attempt(self, attempt: AttemptId) -> AttemptView:
        events = self.events.of(attempt)
        ruling = next((e.ruling for e in reversed(events) if e.ruling), None)
        leased = bool(self.queue.leases(attempt))
        logins = [e.access for e in events if e.kind is Kind.ARRIVED and e.access and leased]
        key = self.key(attempt)
        return AttemptView(
            attempt=attempt,
            verdict=ruling.verdict if ruling else None,
            blame=ruling.blame if ruling else None,
            cause=ruling.cause if ruling else "",
            nodes=summary.nodes(events),
            phases=summary.phases(events),
            tests=summary.tests(events),
            events=events,
            files=self.files.names(attempt),
            held_until=self.queue.held_until(attempt),
            ssh=tuple(_ssh(login, key) for login in logins),
        )

    def provenance(self, cell: Cell) -> Provenance | None:
        """Return the least real of the nodes' provenances; the whole is no realer than a part."""
        return self.catalogue.provenance(cell)

    def _usual(self) -> dict[str, float]:
        """Return each arch's median seconds from lease to smoke over recent green cells."""
        seconds: dict[str, list[float]] = {}
        for run in self.catalogue.runs(Sought(), HISTORY):
            for cell in run.cells:
                if cell.verdict is Verdict.PASSED:
                    took = cell.phases
                    parts = (took.provision, took.deploy, took.smoke)
                    seconds.setdefault(cell.arch, []).append(sum(p or 0 for p in parts))
        return {name: median(times) for name, times in seconds.items()}

    def _in_service(self) -> int:
        return max(1, sum(not status.reason for status in self.nodes_.all()))


def _ssh(login: Access, key: str) -> str:
    """Return the line that logs in: with the attempt's key, at that very host key."""
    pinned = f'-o "KnownHostsCommand=/bin/echo %H {login.host_key}"'
    return f"ssh -i {quote(key)} {pinned} -p {login.port} {login.user}@{login.address}"


def _planned(arch: Arch, usual: float | None, ruling: Ruling | None) -> PlannedCell:
    first, asked = arch.by(0), arch.ways[0].partner
    needs = tuple(f"{r.count} x {' and '.join(sorted(r.needs))}" for r in first.roles)
    return PlannedCell(
        arch=arch.name,
        machines=sum(role.count for role in first.roles),
        needs=needs or (f"partner {asked}",),
        voting=arch.voting,
        usual_seconds=usual,
        skipped=ruling.cause if ruling else "",
    )


def _node(node: Node, status: NodeStatus, attested: Attested | None) -> NodeView:
    return NodeView(
        name=node.name,
        provenance=node.provenance,
        capabilities=tuple(sorted(node.capabilities)),
        state=status.state,
        reason=status.reason,
        since=status.since,
        holder=status.holder,
        held_until=status.held_until,
        marks=status.marks,
        bmc=f"{node.bmc.address}:{node.bmc.port}",
        address=f"{node.address}:{node.ssh_port}",
        attested_at=attested.at if attested else None,
        attestation=attested.newest.digest if attested else "",
    )


def _arch(arch: Arch) -> ArchView:
    return ArchView(
        name=arch.name,
        summary=arch.summary,
        hypervisors=arch.hypervisors,
        machines=sum(role.count for role in arch.roles),
        voting=arch.voting,
        lieutenants=arch.lieutenants,
        source=arch.source,
    )

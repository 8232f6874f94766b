"""What people and scripts are shown: the shapes of `--json`, of the API and of the pages."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.event import Event
from orchestrator.model.lease import Why
from orchestrator.model.node import Provenance
from orchestrator.model.partner import Standing as OrderStanding
from orchestrator.model.result import TestResult
from orchestrator.model.run import State
from orchestrator.model.series import Standing
from orchestrator.model.verdict import Blame, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Seconds spent in each stage of the deciding attempt; None where it never came to it."""

    lease: float | None = None
    provision: float | None = None
    deploy: float | None = None
    smoke: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many tests of the deciding attempt ended how; errors count as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One square of the matrix, as the design promises it in `--json`."""

    cell: str
    arch: str
    state: State
    #: the stage that the newest attempt is in, or empty
    stage: str
    verdict: Verdict | None
    blame: Blame | None
    cause: str
    voting: bool
    provenance: Provenance | None
    attempts: int
    phases: Phases
    tests: Tally
    nodes: tuple[str, ...]
    #: while waiting: one sentence
    why: str
    url: str
    #: when its newest event happened
    updated: datetime | None
    #: while running: how far the stage got, e.g. `n01: Installing the base system 40 %`
    doing: str = ""
    #: who decides it, if another lab does
    partner: str = ""
    #: while waiting: behind whom, for what, until about when
    wait: Why | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as the design promises it in `--json`."""

    run: int
    repo: str
    ref: str
    commit: str
    subject: str
    requester: str
    lane: str
    reason: str
    state: State
    asked_at: datetime
    #: exit status of the run when done, else None
    exit: int | None
    url: str
    cells: tuple[CellView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try at a cell with all that happened."""

    attempt: str
    verdict: Verdict | None
    blame: Blame | None
    cause: str
    nodes: tuple[str, ...]
    phases: Phases
    tests: tuple[TestResult, ...]
    events: tuple[Event, ...]
    #: names of kept files, for the files URL
    files: tuple[str, ...]
    #: until when somebody holds its machines
    held_until: datetime | None
    #: how to log in to its machines while they are leased
    ssh: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDetail:
    """A cell, its run and its attempts, newest last."""

    run: RunView
    cell: CellView
    lieutenants: tuple[str, ...]
    attempts: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell that a request would make: which machines, and how long it took so far."""

    arch: str
    machines: int
    needs: tuple[str, ...]
    voting: bool
    #: seconds from lease to release, the median of earlier cells of this arch; None if none
    usual_seconds: float | None
    #: why it would not run at all; empty: it would
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What a request would do, before it does it."""

    repo: str
    ref: str
    commit: str
    subject: str
    cells: tuple[PlannedCell, ...]
    machines: int
    #: sum over cells of machines x usual seconds, in hours; None while an arch has no history
    machine_hours: float | None
    #: seconds until all are done on this lab with nobody else in the queue; None without history
    estimate_seconds: float | None
    pairs_covered: int
    pairs_possible: int
    #: pairs of settings that no arch holds, e.g. `hypervisor=xenserver, network=vlan`
    never_meet: tuple[str, ...] = ()
    #: seconds until the first cell starts and until all are done, with who waits now before it
    start_seconds: float | None = None
    finish_seconds: float | None = None
    #: the same if all that waits takes as long as one in ten does
    late_start_seconds: float | None = None
    late_finish_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A node: what it is, how it is, who has it."""

    name: str
    provenance: Provenance
    capabilities: tuple[str, ...]
    state: str
    reason: str
    since: datetime | None
    holder: str
    held_until: datetime | None
    marks: int
    bmc: str
    address: str
    #: when it was last looked at after an install, and the hash of what must stay equal
    attested_at: datetime | None = None
    attestation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchView:
    """An arch and who answers for it."""

    name: str
    summary: str
    hypervisors: tuple[str, ...]
    machines: int
    voting: bool
    lieutenants: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who answers for what was asked about, and why we think so."""

    lieutenants: tuple[str, ...]
    archs: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitView:
    """A commit of the product's history."""

    commit: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """How a carried patch stands on one commit."""

    commit: str
    standing: Standing
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchView:
    """A patch that an operator carries."""

    operator: str
    patch: str
    subject: str
    patch_id: str
    #: on the newest commit
    standing: Standing
    because: str
    #: the other operators that carry the same change
    shared_with: tuple[str, ...]
    #: on every surveyed commit, the newest first
    commits: tuple[StandingView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedView:
    """A change that several operators carry: worth merging."""

    subject: str
    operators: tuple[str, ...]
    #: `operator/file`
    patches: tuple[str, ...]
    #: it is the very same in all of them; else they carry versions of it
    identical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesView:
    """What operators carry on top of a repository, commit by commit."""

    repo: str
    ref: str
    #: the newest first
    commits: tuple[CommitView, ...]
    patches: tuple[PatchView, ...]
    shared: tuple[SharedView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedView:
    """How far a watch got on one branch."""

    branch: str
    #: the newest commit that was asked for, or that was there when the watch began
    commit: str
    at: datetime
    run: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchView:
    """A repository whose branches start runs by themselves."""

    watch: str
    repo: str
    lane: str
    branches: tuple[str, ...]
    archs: tuple[str, ...]
    #: None: not since the orchestrator was started
    looked_at: datetime | None
    #: what was wrong then; empty: nothing
    trouble: str
    seen: tuple[WatchedView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What a partner was asked once, and what became of it."""

    attempt: str
    arch: str
    commit: str
    standing: OrderStanding
    #: what it claims, in its own words
    claim: str
    url: str
    asked_at: datetime
    due_at: datetime
    over_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A partner, and how it keeps to what was agreed."""

    name: str
    #: `jenkins`, or `pull` for one that comes to us
    driver: str
    url: str
    archs: tuple[str, ...]
    hardware: bool
    #: why it is left alone now, or empty
    trouble: str
    asked: int
    answered: int
    in_time: int
    late: int
    silent: int
    refused: int
    under_way: int
    #: answered in time, of all that are over; None before the first
    answer_rate: float | None
    #: median seconds from asking to the answer
    usual_seconds: float | None
    #: how often somebody else judged the same, and where it was otherwise
    compared: int
    disagreed: tuple[str, ...]
    orders: tuple[OrderView, ...]

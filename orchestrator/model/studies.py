"""What studies of the history show: the shapes of their `--json` and of the API."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.bisection import Mark
from orchestrator.model.flipping import Difference
from orchestrator.model.node import Provenance
from orchestrator.model.quality import Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A driver (by path), hypervisor or network model, and how well it is looked after."""

    name: str
    grade: Grade
    because: str
    #: the archs that vote on it, and those that only advise
    voting: tuple[str, ...]
    advising: tuple[str, ...]
    lieutenants: tuple[str, ...]
    #: of the best arch: where and when it was green last, and on what kind of machines
    green_commit: str = ""
    green_at: datetime | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What an arch says it covers, and the product does not have."""

    arch: str
    covers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageView:
    """How well each part of a product is looked after."""

    repo: str
    ref: str
    commit: str
    subject: str
    #: whether some arch file says where the product keeps its drivers
    declared: bool
    drivers: tuple[Graded, ...]
    hypervisors: tuple[Graded, ...]
    networks: tuple[Graded, ...]
    #: drivers that no arch covers
    uncovered: tuple[str, ...]
    idle: tuple[Idle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateView:
    """One value of a setting beside the present default."""

    value: str
    #: commits that were decided with both values, and cells with each
    commits: int
    cells: int
    default_passed: int
    passed: int
    ready: bool
    #: the row of commits that ends now without a test that is red with this value only
    steady: int
    steady_since: str
    because: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipView:
    """How ready the other values of a setting are to become its default."""

    axis: str
    repo: str
    default: str
    candidates: tuple[CandidateView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCommit:
    """A commit of the line that is halved."""

    commit: str
    subject: str
    mark: Mark
    #: the cell that says so, or that is to say
    cell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectView:
    """How far the search for the first bad commit got."""

    cell: str
    arch: str
    repo: str
    #: the line from the good commit to the bad one, oldest first
    commits: tuple[TriedCommit, ...]
    #: the run under way, or None
    run: int | None
    done: bool
    #: among which the first bad one is; one of them: it is found
    suspects: tuple[str, ...]
    #: how many more commits are tried at most
    left: int
    sentence: str

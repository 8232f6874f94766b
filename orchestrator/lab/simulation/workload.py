"""What is simulated: a heterogeneous lab, architectures, and who asks for what when.

All is drawn from one seed. Six cells of ten are asked for at the start, as a night does; the rest
come while that is worked off. What a cell takes is not what its arch usually takes: the scheduler
knows only what earlier cells took.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median, quantiles
from typing import Final

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Candidate, Need, Waiting
from orchestrator.model.request import Lane
from orchestrator.model.scheduling.spans import Span, Spans

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
#: what nodes have, and how many of a hundred have it
_HYPERVISORS: Final = (("kvm", 70), ("xenserver", 22), ("hyperv", 16), ("vmware", 18), ("lxc", 30))
_EXTRAS: Final = (("vlan-trunk", 55), ("san", 20), ("sriov", 12))
#: how many cells of a hundred are there at the start
_AT_ONCE: Final = 60
#: the share of the whole time in which the others come
_LATEST: Final = 0.85
#: runs of another day are numbered from here
_OTHERS: Final = 10**6
#: cells of an arch that were seen before
_SEEN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An arch: its needs, the median of what it takes, and the spread of its logarithm."""

    name: str
    needs: tuple[Need, ...]
    seconds: float
    spread: float

    def draw(self, lot: Random) -> float:
        """Return what one cell takes."""
        return self.seconds * lot.lognormvariate(0, self.spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: when, and its cells with what each really takes."""

    at: float
    cells: tuple[tuple[Waiting, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Everything that a simulation needs."""

    nodes: tuple[Candidate, ...]
    requests: tuple[Asked, ...]
    spans: Spans
    #: machine-seconds of work that is asked for in a second, as earlier days would tell
    arrivals: float
    #: what else would be asked for if it went on as on earlier days: no such day is the same
    expected: tuple[Asked, ...]


def workload(cells: int, nodes: int, seed: int) -> Workload:
    """Return the workload of a seed."""
    lot = Random(seed)  # noqa: S311  # a simulation must be repeatable, not unguessable
    lab = tuple(_node(number, lot) for number in range(nodes))
    kinds = [kind for kind in (_kind(n, lot) for n in range(48)) if _possible(kind, lab)]
    spans = Spans(by_arch={kind.name: _learned(kind, lot) for kind in kinds})
    over = _length(cells, kinds, nodes)
    requests = _requests(cells, kinds, over, lot)
    arrivals = nodes * (1 - _AT_ONCE / 100) / _LATEST
    other = Random(-seed - 1)  # noqa: S311  # as above
    expected = _requests(cells, kinds, over, other, number=_OTHERS)
    return Workload(
        nodes=lab,
        requests=requests,
        spans=spans,
        arrivals=arrivals,
        expected=tuple(asked for asked in expected if asked.at > 0),
    )


def _length(cells: int, kinds: Sequence[Kind], nodes: int) -> float:
    """Return about how long so many cells keep the lab busy."""
    return cells * sum(kind.seconds * len(kind.needs) for kind in kinds) / len(kinds) / nodes


def _node(number: int, lot: Random) -> Candidate:
    has = {"x86_64"} | {name for name, percent in _EXTRAS if lot.random() * 100 < percent}
    has |= {name for name, percent in _HYPERVISORS if lot.random() * 100 < percent}
    return Candidate(name=f"n{number:03}", capabilities=frozenset(has), free=True)


def _kind(number: int, lot: Random) -> Kind:
    weights = [percent for _, percent in _HYPERVISORS]
    hypervisor = lot.choices(_HYPERVISORS, weights)[0][0]
    extras = {name for name, percent in _EXTRAS if lot.random() * 250 < percent}
    compute = frozenset({hypervisor, *extras})
    size = lot.choices((0, 1, 2, 3, 4, 5), (30, 28, 22, 10, 6, 4))[0]
    needs = (Need(role="control", capabilities=frozenset({"x86_64"})),) * (size > 0)
    needs += (Need(role="compute", capabilities=compute),) * max(size, 1)
    return Kind(
        name=f"{hypervisor}-{number}",
        needs=needs,
        seconds=lot.uniform(700, 3000),
        spread=lot.uniform(0.08, 0.25),
    )


def _possible(kind: Kind, lab: Sequence[Candidate]) -> bool:
    """Return whether twice as many machines as it needs can do it: a lab buys what it tests on."""
    fitting = sum(kind.needs[-1].capabilities <= node.capabilities for node in lab)
    return fitting >= 3 * len(kind.needs)


def _learned(kind: Kind, lot: Random) -> Span:
    seen = [kind.draw(lot) for _ in range(_SEEN)]
    return Span(usual=median(seen), late=quantiles(seen, n=10)[-1])


def _requests(
    cells: int, kinds: Sequence[Kind], over: float, lot: Random, number: int = 0
) -> tuple[Asked, ...]:
    left, run = cells, number
    found = []
    while left:
        run += 1
        late = left * 100 <= cells * (100 - _AT_ONCE)
        at = lot.uniform(0, _LATEST * over) if late else 0.0
        lane, size = _size(lot, late=late)
        chosen = lot.sample(kinds, min(size, left, len(kinds)))
        left -= len(chosen)
        found.append(_request(run, at, lane, chosen, lot))
    return tuple(sorted(found, key=lambda asked: asked.at))


def _size(lot: Random, *, late: bool) -> tuple[Lane, int]:
    if not late:
        return lot.choices((Lane.NIGHTLY, Lane.MERGED), (3, 1))[0], lot.randint(12, 40)
    size = lot.choices((1, lot.randint(2, 6), lot.randint(8, 30)), (5, 3, 2))[0]
    return lot.choices((Lane.ASKED, Lane.MERGED), (3, 1))[0], size


def _request(run: int, at: float, lane: Lane, kinds: Sequence[Kind], lot: Random) -> Asked:
    owner = f"{lane}{lot.randrange(12)}"
    cells = tuple(
        (
            Waiting(
                attempt=AttemptId(f"{run}/{kind.name}/1"),
                needs=kind.needs,
                asked_at=BEGIN + timedelta(seconds=at),
                lane=lane,
                owner=owner,
                arch=kind.name,
            ),
            kind.draw(lot),
        )
        for kind in kinds
    )
    return Asked(at=at, cells=cells)

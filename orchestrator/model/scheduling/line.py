"""Who waits: the attempts of each owner, alike ones together, in the order of service."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from orchestrator.model.ids import RunId, run_of
from orchestrator.model.lease import Need, Waiting

#: among one's own requests, a large one goes as if it had been asked up to so many seconds later
LATER: Final = 48 * 3600.0
#: and so many less for each further machine of a gang: wide ones first, since the others fill gaps
WIDE: Final = 4 * 3600.0
#: what the owner of promoted attempts begins with, in place of a lane
PROMOTED: Final = "promoted"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """What two attempts have in common when a machine that suits one suits the other.

    Compared by identity, since it is looked up so often: `shape_of` gives equal ones as one.
    """

    needs: tuple[Need, ...]
    arch: str
    exclude: frozenset[str]
    semaphores: tuple[str, ...]


#: (minus when it is due, its run, its place in the plan, how many came before it, the attempt): all
#: of them negative, so that the first in the order of service is the last
_Entry = tuple[float, int, int, int, Waiting]


class Line:
    """The queue. Owners have names that begin with their lane; a promoted one is its own owner."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._owners: dict[str, dict[Shape, list[_Entry]]] = {}
        self._count = 0
        #: since when an owner waits, where that is known
        self._joined: dict[str, float] = {}
        self._shapes: Counter[Shape] = Counter()
        #: what was added of each run, some of which may be taken by now
        self._runs: dict[RunId, list[tuple[str, Shape, _Entry]]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return self._shapes.total()

    def copy(self) -> "Line":
        """Return a queue that is the same now and changes apart from this one."""
        other = Line()
        other._owners = {
            owner: {shape: list(entries) for shape, entries in shapes.items()}
            for owner, shapes in self._owners.items()
        }
        other._count, other._joined = self._count, dict(self._joined)
        other._shapes = self._shapes.copy()
        other._runs = {run: list(added) for run, added in self._runs.items()}
        return other

    def add(self, items: Sequence[Waiting]) -> None:
        """Queue attempts, each run's cells in the order of its plan."""
        sizes = Counter(run_of(item.attempt) for item in items)
        for item in items:
            run = run_of(item.attempt)
            owner, asked = owner_of(item), item.asked_at.timestamp()
            due = asked + _delay(sizes[run], len(item.needs))
            if owner not in self._owners:
                self._owners[owner], self._joined[owner] = {}, asked
            elif owner in self._joined:
                self._joined[owner] = min(asked, self._joined[owner])
            self._count += 1
            shape = shape_of(item)
            self._shapes[shape] += 1
            entry = (-due, -run, -item.place, -self._count, item)
            insort(self._owners[owner].setdefault(shape, []), entry)
            self._runs.setdefault(run, []).append((owner, shape, entry))

    def drop(self, runs: Iterable[RunId]) -> None:
        """Remove all that still waits of some runs."""
        for run in runs:
            for owner, shape, entry in self._runs.pop(run, ()):
                entries = self._owners.get(owner, {}).get(shape, [])
                index = bisect_left(entries, entry)
                if index < len(entries) and entries[index] is entry:
                    self._remove(owner, shape, index)
                    self._joined.pop(owner, None)

    def shapes(self) -> Mapping[Shape, int]:
        """Return what is waited for, and by how many."""
        return self._shapes

    def owners(self) -> Collection[str]:
        """Return who has something waiting."""
        return self._owners.keys()

    def alone(self, owner: str) -> bool:
        """Return whether all that the owner waits for is one machine, asked for by itself."""
        shapes = self._owners.get(owner, {})
        if len(shapes) != 1:
            return False
        ((shape, entries),) = shapes.items()
        return len(entries) == 1 and len(shape.needs) == 1 and _small(entries[0])

    def first(
        self, owner: str, skip: Collection[Shape], passed: Counter[tuple[str, Shape]]
    ) -> tuple[Shape, Waiting] | None:
        """Return the owner's first attempt whose shape is not in `skip`.

        Of each shape so many are passed over as `passed` says.
        """
        best: tuple[_Entry, Shape] | None = None
        for shape, entries in self._owners.get(owner, {}).items():
            depth = passed[owner, shape] + 1
            if shape in skip or depth > len(entries):
                continue
            if best is None or entries[-depth] > best[0]:
                best = (entries[-depth], shape)
        return (best[1], best[0][4]) if best else None

    def take(self, owner: str, shape: Shape, behind: int = 0) -> None:
        """Remove the owner's first attempt of that shape, or the one `behind` others."""
        self._remove(owner, shape, -1 - behind)

    def _remove(self, owner: str, shape: Shape, index: int) -> None:
        shapes = self._owners[owner]
        shapes[shape].pop(index)
        self._shapes[shape] -= 1
        if not self._shapes[shape]:
            del self._shapes[shape]
        if not shapes[shape]:
            del shapes[shape]
        if not shapes:
            del self._owners[owner]
            self._joined.pop(owner, None)

    def of(self, owner: str) -> list[tuple[bool, Shape, Waiting]]:
        """Return the owner's attempts in the order of service, each with whether it is a small one.

        Small is the only cell of a request.
        """
        shapes = self._owners[owner].items()
        found = [(entry, shape) for shape, entries in shapes for entry in entries]
        found.sort(key=lambda pair: pair[0][:4], reverse=True)
        return [(_small(e), shape, e[4]) for e, shape in found]

    def joined(self, owner: str) -> float:
        """Return since when the owner has had something waiting."""
        if owner not in self._joined:
            entries = (entry for found in self._owners[owner].values() for entry in found)
            self._joined[owner] = min(entry[4].asked_at for entry in entries).timestamp()
        return self._joined[owner]


def _small(entry: _Entry) -> bool:
    """Return whether it is the only cell of its request."""
    return -entry[0] <= entry[4].asked_at.timestamp()


def _delay(cells: int, machines: int) -> float:
    """Return how many seconds later a cell goes than the only one of a request would."""
    return (1 - 1 / cells) * max(0.0, LATER - WIDE * (machines - 1))


def shape_of(item: Waiting) -> Shape:
    """Return the shape of an attempt."""
    return _shape(item.needs, item.arch, item.exclude, item.semaphores)


@lru_cache(maxsize=65536)
def _shape(
    needs: tuple[Need, ...], arch: str, exclude: frozenset[str], semaphores: tuple[str, ...]
) -> Shape:
    return Shape(needs=needs, arch=arch, exclude=exclude, semaphores=semaphores)


def owner_of(item: Waiting) -> str:
    """Return whose account an attempt is charged to."""
    return f"{PROMOTED if item.priority < 0 else item.lane} {item.owner}"

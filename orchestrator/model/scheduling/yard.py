"""The machines in service: who fits where, what is free, and when the others will be.

A set of machines is a whole number with a bit for each, so that thousands of questions a second
("can this gang be placed on what is free?") cost a handful of additions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from zlib import crc32

from orchestrator.model.lease import Candidate, Need
from orchestrator.model.scheduling.line import Shape
from orchestrator.model.scheduling.spans import Outlook, Span

#: a set of machines
Mask = int
#: with more kinds of needs than this in one gang, each kind is looked at alone
_MOST_KINDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gang:
    """A shape, worked out for the machines of a yard."""

    shape: Shape
    span: Span
    #: of each need, which machines can do it
    fitting: tuple[Mask, ...]
    #: whoever can do any
    any_fitting: Mask
    #: it can be placed if and only if each of these sets has so many (Hall 1935)
    conditions: tuple[tuple[Mask, int], ...]
    #: the order in which its needs are served: first who has the fewest machines
    order: tuple[int, ...]
    #: the conditions that the rest of the needs must meet after each step of that order
    after: tuple[tuple[tuple[Mask, int], ...], ...]

    def fits(self, usable: Mask) -> bool:
        """Return whether the whole gang can be placed on these machines."""
        return _meets(usable, self.conditions)

    def short(self, usable: Mask) -> tuple[Mask, int]:
        """Return a set of which these machines have too few, and how many are wanted."""
        return next(c for c in self.conditions if (usable & c[0]).bit_count() < c[1])


class Yard:
    """The machines, and what each is at; seconds count from any fixed moment."""

    def __init__(self, nodes: Sequence[Candidate], outlook: Outlook) -> None:
        """Take the nodes in service as they are."""
        self.nodes = tuple(nodes)
        self.outlook = outlook
        self.everything: Mask = (1 << len(nodes)) - 1
        self.free: Mask = 0
        #: of each machine in use: since when (None: nobody knows), and for which arch
        self.busy: dict[int, tuple[float | None, str]] = {}
        #: of each machine in use: when it will be free at the earliest
        self.not_before: dict[int, float] = {}
        #: of each group, how many of its machines are being installed
        self.preparing: dict[tuple[str, str], int] = {}
        self._known: dict[frozenset[str], Mask] = {}
        self._gangs: dict[Shape, Gang] = {}
        self._warm: dict[str, Mask] = {}
        #: of each machine: what it shares with others that there is a limit for
        self.groups = tuple(
            tuple(g for g in outlook.groups.get(node.name, ()) if g[0] in outlook.limits)
            for node in nodes
        )
        for index, node in enumerate(nodes):
            self._note(index, node)

    def copy(self) -> "Yard":
        """Return machines that are at the same now and change apart from these."""
        other = Yard(self.nodes, self.outlook)
        other.free, other.busy = self.free, dict(self.busy)
        other.not_before = dict(self.not_before)
        other.preparing = dict(self.preparing)
        return other

    def _note(self, index: int, node: Candidate) -> None:
        if node.warm and not node.marks:
            self._warm[node.warm] = self._warm.get(node.warm, 0) | 1 << index
        if node.free:
            self.free |= 1 << index
            return
        self.busy[index] = (node.since.timestamp() if node.since else None, node.arch)
        if node.until:
            self.not_before[index] = node.until.timestamp()
        if node.preparing:
            self.prepare(index, 1)

    def prepare(self, index: int, change: int) -> None:
        """Count a machine that begins (1) or ends (-1) being installed."""
        for group in self.groups[index]:
            self.preparing[group] = self.preparing.get(group, 0) + change

    def fitting(self, capabilities: frozenset[str]) -> Mask:
        """Return the machines that have all of these."""
        if capabilities not in self._known:
            self._known[capabilities] = sum(
                1 << i for i, node in enumerate(self.nodes) if capabilities <= node.capabilities
            )
        return self._known[capabilities]

    def warm(self, image: str) -> Mask:
        """Return the machines that have that image already, and are what they should be."""
        return self._warm.get(image, 0)

    def gang(self, shape: Shape) -> Gang:
        """Return the shape as it is on these machines, without those that it keeps away from.

        A yard too small to be choosy is not: then it keeps away from none.
        """
        if shape not in self._gangs:
            away = sum(1 << i for i, n in enumerate(self.nodes) if n.name in shape.exclude)
            choosy = self._gang(shape, self.everything & ~away)
            fits = choosy.fits(self.everything)
            self._gangs[shape] = choosy if fits else self._gang(shape, self.everything)
        return self._gangs[shape]

    def _gang(self, shape: Shape, usable: Mask) -> Gang:
        fitting = tuple(self.fitting(need.capabilities) & usable for need in shape.needs)
        return gang_of(shape, fitting, self.outlook.spans.of(shape.arch))

    def available(self, now: float) -> list[float]:
        """Return when each machine is expected to be free; now for one that is."""
        times = [now] * len(self.nodes)
        for index, (since, arch) in self.busy.items():
            span = self.outlook.spans.of(arch)
            elapsed = 0.0 if since is None else now - since
            usually = now + _expected(elapsed, span)
            times[index] = max(usually, self.not_before.get(index, 0.0))
        return times

    def occupy(self, index: int, now: float, arch: str) -> None:
        """Give a machine away."""
        self.free &= ~(1 << index)
        self.busy[index] = (now, arch)

    def vacate(self, index: int) -> None:
        """Take a machine back."""
        self.free |= 1 << index
        del self.busy[index]

    def pick(
        self, gang: Gang, usable: Mask, tiers: Sequence[Mask], lot: str, *, limits: bool = True
    ) -> tuple[int, ...] | None:
        """Return a machine for each need, of the best tiers; None if limits are in the way.

        `usable` must fit the gang. Among equals a warm machine is taken, else it is drawn by lot.
        """
        chosen: dict[int, int] = {}
        room = self.room(usable) if limits else Room([()] * len(self.nodes), {}, {})
        for place, conditions in zip(gang.order, gang.after, strict=True):
            need = gang.shape.needs[place]
            for index in self._preferred(usable & gang.fitting[place], need, tiers, lot):
                left = usable & ~(1 << index)
                if room.has(index) and _meets(left, conditions):
                    chosen[place], usable = index, left
                    room.take(index)
                    break
            else:
                return None
        return tuple(chosen[place] for place in range(len(gang.fitting)))

    def _preferred(self, mask: Mask, need: Need, tiers: Sequence[Mask], lot: str) -> Iterator[int]:
        warm = self.warm(need.install) if need.install else 0
        for tier in tiers:
            for alike in (mask & tier & warm, mask & tier & ~warm):
                if alike:
                    yield from _drawn(alike, lot)

    def room(self, usable: Mask) -> "Room":
        """Return how many more machines of each group may be installed at once."""
        limits = self.outlook.limits
        groups = {g for i in bits(usable) for g in self.groups[i]} if limits else set()
        left = {group: limits[group[0]] - self.preparing.get(group, 0) for group in groups}
        return Room(self.groups, left, self.preparing)

    def closed(self, usable: Mask) -> Mask:
        """Return those machines of whose groups no more may be installed now."""
        if not self.outlook.limits:
            return 0
        room = self.room(usable)
        return sum(1 << index for index in bits(usable) if not room.has(index))


class Room:
    """What limits leave while a gang is placed; an idle group takes any gang, however large."""

    def __init__(
        self,
        groups: Sequence[tuple[tuple[str, str], ...]],
        left: dict[tuple[str, str], int],
        preparing: Mapping[tuple[str, str], int],
    ) -> None:
        """Begin with what is left."""
        self._groups, self._left, self._preparing = groups, left, preparing

    def has(self, index: int) -> bool:
        """Return whether one more machine may be installed there."""
        return all(
            self._left.get(group, 1) > 0 or not self._preparing.get(group, 0)
            for group in self._groups[index]
        )

    def take(self, index: int) -> None:
        """Count a machine of this gang."""
        for group in self._groups[index]:
            self._left[group] = self._left.get(group, 1) - 1


def gang_of(shape: Shape, fitting: tuple[Mask, ...], span: Span) -> Gang:
    """Return the shape, worked out for the machines that each of its needs may have."""
    order = tuple(sorted(range(len(fitting)), key=lambda i: fitting[i].bit_count()))
    rests = [[fitting[i] for i in order[step + 1 :]] for step in range(len(order))]
    return Gang(
        shape=shape,
        span=span,
        fitting=fitting,
        any_fitting=_union(fitting),
        conditions=_conditions(fitting),
        order=order,
        after=tuple(map(_conditions, rests)),
    )


def bits(mask: Mask) -> Iterator[int]:
    """Yield the machines of a set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _meets(usable: Mask, conditions: Sequence[tuple[Mask, int]]) -> bool:
    for mask, count in conditions:  # noqa: SIM110  # twice as fast as all() of a generator
        if (usable & mask).bit_count() < count:
            return False
    return True


def _drawn(mask: Mask, lot: str) -> Iterator[int]:
    """Yield the machines of a set, beginning at one that `lot` draws."""
    members = list(bits(mask))
    first = crc32(lot.encode()) % len(members)
    yield from members[first:]
    yield from members[:first]


def _union(masks: Sequence[Mask]) -> Mask:
    together = 0
    for mask in masks:
        together |= mask
    return together


def _conditions(fitting: Sequence[Mask]) -> tuple[tuple[Mask, int], ...]:
    """Return Hall's conditions: any kinds of needs together have as many machines as needs."""
    kinds: dict[Mask, int] = {}
    for mask in fitting:
        kinds[mask] = kinds.get(mask, 0) + 1
    most = len(kinds) if len(kinds) <= _MOST_KINDS else 1
    found: dict[Mask, int] = {}
    for size in range(1, most + 1):
        for chosen in combinations(kinds.items(), size):
            union = _union([mask for mask, _ in chosen])
            found[union] = max(found.get(union, 0), sum(count for _, count in chosen))
    return tuple(found.items())


def _expected(elapsed: float, span: Span) -> float:
    """Return the seconds that a cell is expected to go on, which has gone on so long."""
    if elapsed < span.usual:
        return span.usual - elapsed
    if elapsed < span.late:
        return (span.late - elapsed) / 2
    return elapsed / 10 + 1

"""One pass over the queue: grants in the order of service, and machines kept for who is next."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Waiting
from orchestrator.model.scheduling.line import PROMOTED, Line, Shape, owner_of, shape_of
from orchestrator.model.scheduling.pressure import Pressure, pressure
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.yard import Gang, Mask, Yard, bits, gang_of

#: so many of those who are next have machines kept for them
DEPTH = 8
#: the pressure is worked out anew when so much of the waiting work came or went
_STALE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A gang that gets its machines now, one for each need."""

    item: Waiting
    nodes: tuple[int, ...]
    fills_gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Machines that are kept for a gang that is next, and about when it has them all."""

    item: Waiting
    nodes: Mask
    start: float
    #: its first such start: after that nobody is let past
    promised: float


#: how a shape is worked out for the machines
Working = Callable[[Shape], Gang]
#: (whether it is not promoted, tag, since when it waits or was served, which of these, owner): the
#: least is next
_Turn = tuple[bool, float, float, bool, str]


class Board:
    """Queue, machines and shares together; changes as attempts come, are granted and end."""

    def __init__(self, yard: Yard, purse: Purse, line: Line | None = None) -> None:
        """Begin with the queue `line`, which changes from then on; without one, with nobody."""
        self.yard = yard
        self.purse = purse
        self.line = Line() if line is None else line
        self.work: dict[Mask, float] = defaultdict(float)
        self.promises: dict[AttemptId, float] = {}
        #: of the last pass
        self.kept: list[Kept] = []
        self.limited: set[Shape] = set()
        #: who was given which semaphore by it
        self.semaphores: dict[str, AttemptId] = {}
        self._total = self._worked_out = 0.0
        self._pressure: Pressure | None = None
        self._proper: dict[Shape, Gang] = {}
        for shape, count in self.line.shapes().items():
            self._weigh(shape, count)

    def copy(self) -> "Board":
        """Return a board that is the same now and changes apart from this one."""
        other = Board(self.yard.copy(), self.purse.copy())
        other.line, other.work = self.line.copy(), defaultdict(float, self.work)
        other.promises, other._total = dict(self.promises), self._total
        return other

    def add(self, items: Sequence[Waiting]) -> None:
        """Queue attempts, each run's cells in the order of its plan."""
        self.line.add(items)
        for item in items:
            self._weigh(shape_of(item), 1)
        self.remember(items)

    def remember(self, items: Sequence[Waiting]) -> None:
        """Keep to what those who wait were promised."""
        for item in items:
            if item.why and item.why.promised:
                self.promises[item.attempt] = item.why.promised.timestamp()

    def _weigh(self, shape: Shape, count: int) -> None:
        """Count work that so many more who wait bring; below zero, so many less."""
        if not self.yard.gang(shape).fits(self.yard.everything):
            return
        usual = self.yard.outlook.spans.of(shape.arch).usual * count
        for need in shape.needs:
            self.work[self.yard.fitting(need.capabilities)] += usual
            self._total += usual

    def run(self, now: float, *, ahead: bool = True) -> list[Given]:
        """Give machines to whoever is next; with `ahead` also keep some when none is free."""
        self.kept, self.limited, self.semaphores = [], set(), {}
        return _Pass(self, now, ahead=ahead).run()

    def pressure(self) -> Pressure:
        """Return how contested the machines are, if need be worked out anew."""
        stale = abs(self._total - self._worked_out) > _STALE * max(self._worked_out, 1.0)
        if self._pressure is None or stale:
            self._pressure = pressure(self.work, self.yard)
            self._worked_out = self._total
            self._proper = {}
        return self._pressure

    def proper(self, shape: Shape) -> Gang:
        """Return the shape with the machines that it should use, or all if these are too few."""
        found = self._proper.get(shape)
        if found is None:
            gang = self.yard.gang(shape)
            proper = self.pressure().proper
            masks = [self.yard.fitting(need.capabilities) for need in shape.needs]
            pairs = zip(gang.fitting, masks, strict=True)
            choosy = gang_of(shape, tuple(f & proper.get(m, m) for f, m in pairs), gang.span)
            found = choosy if choosy.fits(self.yard.everything) else gang
            self._proper[shape] = found
        return found

    def grant(self, given: Given, shape: Shape, now: float, behind: int) -> None:
        """Take a gang out of the queue and give it its machines."""
        owner = owner_of(given.item)
        self.line.take(owner, shape, behind)
        self._weigh(shape, -1)
        self.promises.pop(given.item.attempt, None)
        seconds = self.yard.outlook.spans.of(shape.arch).usual * len(given.nodes)
        self.purse.charge(owner, seconds, now, in_turn=not given.fills_gap)
        for index in given.nodes:
            self.yard.occupy(index, now, shape.arch)
            self.yard.prepare(index, 1)


class _Pass:
    """What is known while one pass goes on."""

    def __init__(self, board: Board, now: float, *, ahead: bool) -> None:
        self.board, self.now, self.ahead = board, now, ahead
        self.yard = board.yard
        #: free, kept for nobody, and not behind a limit
        self.open: Mask = board.yard.free & ~board.yard.closed(board.yard.free)
        self.tiers = board.pressure().tiers
        self.given: list[Given] = []
        self.skip: set[Shape] = set()
        self.passed: Counter[tuple[str, Shape]] = Counter()
        self.promised_away: dict[str, float] = defaultdict(float)
        #: (until when, which machines) may be used by who is over by then
        self.gaps: list[tuple[float, Mask]] = []
        self.available: list[float] = []

    def run(self) -> list[Given]:
        """Return what is given: first in turn, then what is left, to whoever can use it."""
        if self._useful() or self.ahead:
            self._serve(self.board.proper)
        if self._useful():
            self.skip.clear()
            self.passed.clear()
            self.promised_away.clear()
            self._serve(self.yard.gang, keep=False)
        started = {given.item.attempt for given in self.given}
        self.board.kept = [k for k in self.board.kept if k.item.attempt not in started]
        return self.given

    def _useful(self) -> bool:
        """Return whether anybody who waits could start on what is free."""
        free = self.yard.free
        return bool(free) and any(
            self.yard.gang(shape).fits(free) for shape in self.board.line.shapes()
        )

    def _serve(self, gang_of_shape: Working, *, keep: bool = True) -> None:
        turns = [self._turn(owner) for owner in self.board.line.owners()]
        heapify(turns)
        while turns and (self._room(keep=keep)):
            owner = heappop(turns)[-1]
            found = self.board.line.first(owner, self.skip, self.passed)
            if found is None:
                continue
            shape, item = found
            gang = gang_of_shape(shape)
            if not self._serve_one(gang, item, owner, keep=keep):
                self.skip.add(shape)
            if owner in self.board.line.owners():
                heappush(turns, self._turn(owner))

    def _serve_one(self, gang: Gang, item: Waiting, owner: str, *, keep: bool) -> bool:
        """Give the gang machines, or keep some for it; return whether either was done."""
        if self._give(gang, item, owner):
            return True
        if not keep:
            return False
        # The bound of fair share knows no exception: who wants one machine takes a contested one.
        alone = self.board.line.alone(owner)
        return (alone and self._give(self.yard.gang(gang.shape), item, owner)) or self._keep(
            gang, item, owner
        )

    def _room(self, *, keep: bool) -> bool:
        """Return whether there is still something to give, or somebody to keep machines for."""
        return bool(self.yard.free) or (keep and self.ahead and len(self.board.kept) < DEPTH)

    def _turn(self, owner: str) -> _Turn:
        purse = self.board.purse
        tag = purse.tag(owner) + self.promised_away[owner]
        served, joined = purse.served(owner), self.board.line.joined(owner)
        promoted = owner.startswith(PROMOTED)
        return (not promoted, tag, max(served, joined), served >= joined, owner)

    def _give(self, gang: Gang, item: Waiting, owner: str) -> bool:
        if self._taken(item):
            return False
        usable, fills_gap = self.open, False
        if not gang.fits(usable):
            usable, fills_gap = self._with_gaps(gang), True
            if not gang.fits(usable):
                self._note_limits(gang)
                return False
        nodes = self.yard.pick(gang, usable, self.tiers, item.attempt)
        if nodes is None:
            self.board.limited.add(gang.shape)
            return False
        given = Given(item=item, nodes=nodes, fills_gap=fills_gap)
        self.board.grant(given, gang.shape, self.now, self.passed[owner, gang.shape])
        self.given.append(given)
        self.open &= self.yard.free
        self.open &= ~self.yard.closed(self.open)
        self.board.semaphores.update(dict.fromkeys(item.semaphores, item.attempt))
        return True

    def _taken(self, item: Waiting) -> bool:
        """Return whether somebody was given a semaphore by this pass that it needs as well."""
        return not self.board.semaphores.keys().isdisjoint(item.semaphores)

    def _note_limits(self, gang: Gang) -> None:
        """Remember that a gang could start, were it not for the limits."""
        free = self.yard.free
        if gang.fits(free) and not gang.fits(free & ~self.yard.closed(free)):
            self.board.limited.add(gang.shape)

    def _with_gaps(self, gang: Gang) -> Mask:
        """Return what is open, and what is kept for somebody whom this gang would not delay."""
        over = self.now + gang.span.late
        usable = self.open
        for until, mask in self.gaps:
            if over <= until:
                usable |= mask & self.yard.free
        return usable & ~self.yard.closed(usable)

    def _keep(self, gang: Gang, item: Waiting, owner: str) -> bool:
        """Keep machines for the gang if it is among the next; return whether some are kept."""
        if len(self.board.kept) >= DEPTH or self._taken(item):
            return False
        if not gang.fits(self.yard.everything):
            return False
        start, nodes = self._soonest(gang, item)
        promised = self.board.promises.setdefault(item.attempt, start)
        kept = Kept(item=item, nodes=nodes, start=start, promised=promised)
        self.board.kept.append(kept)
        if len(self.board.kept) == DEPTH:
            shapes, free = self.board.line.shapes(), self.yard.free
            self.skip.update(s for s in shapes if not self.yard.gang(s).fits(free))
        self.gaps.append((start if self.now <= promised else self.now, nodes & self.open))
        self.open &= ~nodes
        if gang.shape in self.board.limited:
            self._close(nodes)
        for index in bits(nodes):
            self.available[index] = start + gang.span.usual
        seconds = gang.span.usual * nodes.bit_count()
        self.promised_away[owner] += self.board.purse.price(owner, seconds)
        self.passed[owner, gang.shape] += 1
        return True

    def _soonest(self, gang: Gang, item: Waiting) -> tuple[float, Mask]:
        """Return when the gang can have its machines at the earliest, and which.

        Of those that will do, the ones that are free last: what is free now others may have.
        """
        self.available = self.available or self.yard.available(self.now)
        times = self.available
        together, start = 0, self.now
        enough = []
        for index in sorted(bits(gang.any_fitting), key=times.__getitem__):
            together, start = together | 1 << index, times[index]
            enough.append(index)
            if gang.fits(together):
                break
        tiers = [1 << index for index in reversed(enough)]
        unlimited = self.yard.pick(gang, together, tiers, item.attempt, limits=False) or ()
        return start, sum(1 << index for index in unlimited)

    def _close(self, nodes: Mask) -> None:
        """Keep the others behind the same limits from starving the gang."""
        shut = {group for index in bits(nodes) for group in self.yard.groups[index]}
        for index in bits(self.open):
            if shut.intersection(self.yard.groups[index]):
                self.open &= ~(1 << index)

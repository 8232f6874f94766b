"""Why each who waits waits: behind whom, for what, until about when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Reason, Why
from orchestrator.model.placement import listed, machines, missing
from orchestrator.model.scheduling.board import Board, Kept
from orchestrator.model.scheduling.forecast import Place, places
from orchestrator.model.scheduling.line import Shape, shape_of
from orchestrator.model.scheduling.yard import bits

#: who was told a time is not told another one for less than this, or for less than this share
_STEADY: Final = timedelta(minutes=1)
_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What stands in the way of a shape, whoever waits for it."""

    reason: Reason
    text: str
    capability: tuple[str, ...] = ()
    behind: str = ""
    #: for whom free machines are kept that it could use, whoever is next first
    keepers: tuple[AttemptId, ...] = ()


def reasons(board: Board, now: float) -> tuple[tuple[AttemptId, Why], ...]:
    """Return why everybody who was not given machines by the last pass waits."""
    kept = {k.item.attempt: k for k in board.kept}
    blocks: dict[Shape, _Block] = {}
    found = []
    for place in places(board, now):
        if place.shape not in blocks:
            blocks[place.shape] = _block(board, place.shape, now)
        why = _why(place, blocks[place.shape], kept, now)
        found.append((place.item.attempt, why))
    return tuple(found)


def promises(board: Board, now: float) -> tuple[tuple[AttemptId, Why], ...]:
    """Return why those wait to whom the last pass promised a time that they were not told."""
    news = [k for k in board.kept if _promise(k.item.why) != _time(k.promised)]
    places = [Place(item=k.item, shape=shape_of(k.item), start=k.start, behind=None) for k in news]
    kept = {k.item.attempt: k for k in news}
    return tuple(
        (place.item.attempt, _why(place, _block(board, place.shape, now), kept, now))
        for place in places
    )


def _promise(told: Why | None) -> datetime | None:
    return told.promised if told else None


def _why(place: Place, block: _Block, kept: Mapping[AttemptId, Kept], now: float) -> Why:
    mine = kept.get(place.item.attempt)
    start = mine.start if mine else place.start
    text, behind = _told(place, block)
    return Why(
        reason=block.reason,
        text=text,
        behind=behind,
        capability=block.capability,
        until=_steady(place.item.why, start, now),
        promised=_time(mine.promised) if mine else None,
    )


def _told(place: Place, block: _Block) -> tuple[str, str]:
    """Return the sentence, and behind whom the attempt waits: never itself."""
    if block.reason is Reason.BEHIND:
        keeper = next((k for k in block.keepers if k != place.item.attempt), place.behind)
        return (f"{block.text} for {keeper}", keeper) if keeper else ("its turn is next", "")
    if block.reason is Reason.BUSY and place.behind:
        return f"{block.text}; {place.behind} is before it", place.behind
    if block.reason is Reason.BUSY and block.behind:
        return f"{block.text}; {block.behind} has one", block.behind
    return block.text, block.behind or place.behind or ""


def _block(board: Board, shape: Shape, now: float) -> _Block:
    yard = board.yard
    gang = yard.gang(shape)
    if not gang.fits(yard.everything):
        lacking = missing(shape.needs, yard.nodes)
        text = f"no machine in service can do it: {lacking} in service; bring one back"
        short, _ = gang.short(yard.everything)
        masks = zip(shape.needs, gang.fitting, strict=True)
        need = next(need for need, mask in masks if not mask & ~short)
        capability = tuple(sorted(need.capabilities))
        return _Block(reason=Reason.OUT_OF_SERVICE, text=text, capability=capability)
    if taken := next((name for name in shape.semaphores if name in board.semaphores), ""):
        holder = board.semaphores[taken]
        text = f"waits for {taken}, which {holder} has"
        return _Block(reason=Reason.SEMAPHORE, text=text, behind=holder, capability=(taken,))
    if shape in board.limited:
        return _limited(board, shape)
    if gang.fits(yard.free):
        count, could_use = len(shape.needs), yard.free & gang.any_fitting
        keepers = tuple(k.item.attempt for k in board.kept if k.nodes & could_use)
        kept = "a machine that is kept" if count == 1 else f"{count} machines that are kept"
        return _Block(reason=Reason.BEHIND, text=f"waits for {kept}", keepers=keepers)
    wanted, count = gang.short(yard.free)
    free, of = (yard.free & wanted).bit_count(), wanted.bit_count()
    need = next(n for n, mask in zip(shape.needs, gang.fitting, strict=True) if mask & wanted)
    a = "a machine" if count == 1 else machines(count)
    having = f" with {listed(need.capabilities)}" if need.capabilities else ""
    times = yard.available(now)
    soonest = min(bits(wanted & ~yard.free), key=times.__getitem__, default=-1)
    return _Block(
        reason=Reason.BUSY,
        text=f"waits for {a}{having}: {free} of {of} free",
        capability=tuple(sorted(need.capabilities)),
        behind=yard.nodes[soonest].holder if soonest >= 0 else "",
    )


def _limited(board: Board, shape: Shape) -> _Block:
    yard = board.yard
    full = {
        group
        for index in bits(yard.gang(shape).any_fitting)
        for group in yard.groups[index]
        if yard.preparing.get(group, 0) >= yard.outlook.limits[group[0]]
    }
    named = sorted(" ".join(group) for group in full) or ["one BMC, strip or boot server"]
    text = f"waits until fewer machines behind {named[0]} are being installed"
    return _Block(reason=Reason.LIMIT, text=text, capability=tuple(named))


def _steady(told: Why | None, start: float | None, now: float) -> datetime | None:
    """Return the time to tell: the one that was told, while it is about right."""
    if start is None:
        return None
    fresh = _time(start)
    if told and told.until and told.until > _time(now):
        near = max(_STEADY, _SHARE * (told.until - _time(now)))
        if abs(fresh - told.until) <= near:
            return told.until
    return fresh


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds), UTC)

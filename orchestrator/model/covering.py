"""Few cells that hold every pair of settings, or every combination of t of them.

Two ways are tried, and the one with fewer cells is taken. One builds cells one by one, each to hold
the most that is still missing. The other begins with the rows of an orthogonal array (polynomials
over a prime field: Bush 1952), in which settings that do not exist or must not meet are left open,
and then takes out row after row whose combinations open places of other rows can take over (after
Nayeri, Colbourn and Konjevod 2009). Equal seeds give equal cells.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from random import Random
from typing import Final

from orchestrator.model.arch import Settings
from orchestrator.model.space import Cells

#: rows of an orthogonal array that are still worth the while
_MOST_ROWS: Final = 2000
#: more combinations than this are not built one by one when there is an array
_MOST_GREEDY: Final = 3000
#: rows are taken out of arrays of at most so many, so often
_MOST_PRUNED: Final = 400
_ROUNDS: Final = 6
#: cells are built one by one so often
_TRIES: Final = 4

#: a place in the axes for each setting of a cell; None: open
_Row = list[int | None]
#: (axis, value) places, in the order of axes
_Combination = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """A choice of cells, and what it holds."""

    cells: tuple[Settings, ...]
    #: combinations of settings that some cell of all can hold; the choice holds each
    coverable: int
    #: those that none can, since they are excluded or follow from what is
    uncoverable: tuple[Settings, ...]


def covering(cells: Cells, strength: int, seed: int = 0) -> Covering:
    """Return few cells that hold each combination of `strength` settings that any cell can."""
    axes = [values for _, values in cells.axes]
    strength = min(strength, len(axes))
    work = _Work(cells)
    every = list(_combinations([len(values) for values in axes], strength))
    possible = [found for found in every if work.allowed(_row(found, len(axes)))]
    missing = set(every) - set(possible)
    lot = Random(seed)  # noqa: S311  # a choice must be repeatable, not unguessable
    rows = _fewest(work, possible, strength, lot) if possible else []
    chosen = dict.fromkeys(work.completed(row) for row in rows)
    return Covering(
        cells=tuple(chosen),
        coverable=len(possible),
        uncoverable=tuple(work.named(found) for found in sorted(missing)),
    )


class _Work:
    """The cells to choose from, by places of values."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._names = [name for name, _ in cells.axes]
        self.values = [tuple(values) for _, values in cells.axes]
        self._known: dict[tuple[int | None, ...], bool] = {}

    def allowed(self, row: _Row) -> bool:
        """Return whether some cell has these settings."""
        key = tuple(row)
        if key not in self._known:
            self._known[key] = self._cells.complete(self._wanted(row)) is not None
        return self._known[key]

    def completed(self, row: _Row) -> Settings:
        """Return a cell that has these settings; some has."""
        return self._cells.complete(self._wanted(row)) or ()

    def named(self, found: _Combination) -> Settings:
        """Return the combination's settings."""
        return tuple((self._names[axis], self.values[axis][value]) for axis, value in found)

    def _wanted(self, row: _Row) -> dict[str, str]:
        return {
            self._names[axis]: self.values[axis][value]
            for axis, value in enumerate(row)
            if value is not None
        }


def _combinations(sizes: Sequence[int], strength: int) -> Iterator[_Combination]:
    for chosen in combinations(range(len(sizes)), strength):
        for values in product(*(range(sizes[axis]) for axis in chosen)):
            yield tuple(zip(chosen, values, strict=True))


def _row(found: _Combination, width: int) -> _Row:
    row: _Row = [None] * width
    for axis, value in found:
        row[axis] = value
    return row


def _fewest(work: _Work, wanted: Sequence[_Combination], strength: int, lot: Random) -> list[_Row]:
    tries = []
    array = _array([len(values) for values in work.values], strength) if strength > 1 else []
    if array:
        tries.append(_from_array(work, wanted, strength, array, lot))
    if not array or len(wanted) <= _MOST_GREEDY:
        tries += [_grown(work, [], set(wanted), strength, lot) for _ in range(_TRIES)]
    return min(tries, key=len)


def _array(sizes: Sequence[int], strength: int) -> list[_Row]:
    """Return an orthogonal array with places for all axes, values that are too many left open."""
    prime = max(*sizes, len(sizes) - 1, 2)
    while any(prime % divisor == 0 for divisor in range(2, int(prime**0.5) + 1)):
        prime += 1
    if prime**strength > _MOST_ROWS:
        return []
    rows: list[_Row] = []
    for polynomial in product(range(prime), repeat=strength):
        row: _Row = []
        for axis, size in enumerate(sizes):
            value = _at(polynomial, axis, prime) if axis < prime else polynomial[-1]
            # the last value goes first, so that one row of an array with one value too many is
            # open throughout
            row.append(value if value < size else None)
        rows.append(row)
    return rows


def _at(polynomial: Sequence[int], point: int, prime: int) -> int:
    value = 0
    for factor in reversed(polynomial):
        value = (value * point + factor) % prime
    return value


def _from_array(
    work: _Work,
    wanted: Sequence[_Combination],
    strength: int,
    array: Sequence[_Row],
    lot: Random,
) -> list[_Row]:
    left = set(wanted)
    rows = []
    for row in array:
        _open_up(work, row)
        found = left.intersection(_held(row, strength))
        if found:
            left -= found
            rows.append(row)
    rows = _grown(work, rows, left, strength, lot)
    if len(rows) > _MOST_PRUNED:
        return rows
    return _pruned(work, rows, set(wanted), strength, lot)


def _open_up(work: _Work, row: _Row) -> None:
    """Open places of a row until what is left may meet."""
    axis = len(row) - 1
    while not work.allowed(row):
        row[axis] = None
        axis -= 1


def _held(row: _Row, strength: int) -> Iterator[_Combination]:
    filled = [(axis, value) for axis, value in enumerate(row) if value is not None]
    return combinations(filled, strength)


def _grown(
    work: _Work, rows: list[_Row], left: set[_Combination], strength: int, lot: Random
) -> list[_Row]:
    """Return the rows, filled and more of them, until nothing of `left` is missing."""
    left = {found for found in left if not _taken_over(work, rows, found)}
    while left:
        first = min(left) if not rows else lot.choice(sorted(left))
        row = _row(first, len(work.values))
        _fill(work, row, left, strength)
        left.difference_update(_held(row, strength))
        rows.append(row)
    return rows


def _taken_over(work: _Work, rows: Sequence[_Row], found: _Combination) -> bool:
    """Put a combination into a row with open places for it; return whether there was one."""
    for row in rows:
        if all(row[axis] in {None, value} for axis, value in found):
            filled = list(row)
            for axis, value in found:
                filled[axis] = value
            if work.allowed(filled):
                row[:] = filled
                return True
    return False


def _fill(work: _Work, row: _Row, left: set[_Combination], strength: int) -> None:
    """Fill the open places with what holds the most of `left` together with the others."""
    while True:
        filled = [(axis, value) for axis, value in enumerate(row) if value is not None]
        gains = ((_gain(filled, place, left, strength), place) for place in _open(work, row))
        useful = sorted((g for g in gains if g[0]), key=lambda g: (-g[0], g[1]))
        best = next((p for _, p in useful if work.allowed(_with(row, *p))), None)
        if best is None:
            return
        row[best[0]] = best[1]


def _open(work: _Work, row: _Row) -> Iterator[tuple[int, int]]:
    """Yield every value that could be put into an open place."""
    for axis, present in enumerate(row):
        if present is None:
            yield from ((axis, value) for value in range(len(work.values[axis])))


def _gain(
    filled: Sequence[tuple[int, int]],
    new: tuple[int, int],
    left: set[_Combination],
    strength: int,
) -> int:
    others = combinations(filled, strength - 1)
    return sum(tuple(sorted((*chosen, new))) in left for chosen in others)


def _with(row: _Row, axis: int, value: int) -> _Row:
    return [*row[:axis], value, *row[axis + 1 :]]


def _pruned(
    work: _Work, rows: list[_Row], wanted: set[_Combination], strength: int, lot: Random
) -> list[_Row]:
    """Return the rows without those whose combinations the others can take over."""
    for _ in range(_ROUNDS):
        rows.sort(key=lambda row: sum(value is not None for value in row))
        rows = _without(work, rows, wanted, strength)
        lot.shuffle(rows)
        _loosen(rows, wanted, strength)
    return rows


def _without(work: _Work, rows: list[_Row], wanted: set[_Combination], strength: int) -> list[_Row]:
    place = 0
    while place < len(rows):
        others = [list(row) for number, row in enumerate(rows) if number != place]
        held = {found for row in others for found in _held(row, strength)}
        own = [f for f in _held(rows[place], strength) if f in wanted and f not in held]
        if all(_taken_over(work, others, found) for found in own):
            rows = others
        else:
            place += 1
    return rows


def _loosen(rows: list[_Row], wanted: set[_Combination], strength: int) -> None:
    """Open every place whose combinations other rows hold as well."""
    times = Counter(found for row in rows for found in _held(row, strength) if found in wanted)
    for row in rows:
        for axis in range(len(row)):
            here = [f for f in _held(row, strength) if (axis, row[axis]) in f and f in wanted]
            if all(times[found] > 1 for found in here):
                times.subtract(here)
                row[axis] = None

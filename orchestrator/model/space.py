"""The cells of a family: every combination of its axes' values but those that are excluded.

Nothing is enumerated unless it is asked for: cells are counted, found by their number and streamed
by walking the axes as one would a number with mixed digits, remembering which exclusions are still
possible. Memory is for the axes, not for the cells.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Protocol

from orchestrator.model.arch import Settings

#: (axis, its values)
Axes = Sequence[tuple[str, Sequence[str]]]


class Cells(Protocol):
    """Cells to choose from."""

    @property
    def axes(self) -> Axes:
        """Return each axis with its values."""
        ...

    def complete(self, wanted: Mapping[str, str]) -> Settings | None:
        """Return the first cell that has these settings, or None."""
        ...


class Space:
    """All combinations of the axes but the excluded ones, the last axis changing fastest."""

    def __init__(self, axes: Axes, exclusions: Sequence[Settings] = ()) -> None:
        """Take axes, and combinations of some of their settings that no cell may have."""
        self._axes = tuple((name, tuple(values)) for name, values in axes)
        self._all = (1 << len(exclusions)) - 1
        #: by axis and place of a value: the exclusions that are ruled out by it
        self._against = [
            [_against(exclusions, name, value) for value in values] for name, values in self._axes
        ]
        #: by axis: the exclusions that nothing after it can rule out
        self._due = _due([name for name, _ in self._axes], exclusions)
        self._pairs = [[(name, value) for value in values] for name, values in self._axes]
        sizes = [len(values) for _, values in self._axes]
        self._free = [math.prod(sizes[place:]) for place in range(len(sizes) + 1)]
        self._known: dict[tuple[int, int], int] = {}

    @property
    def axes(self) -> Axes:
        """Return each axis with its values."""
        return self._axes

    @property
    def count(self) -> int:
        """Return how many cells there are."""
        return self._ways(0, self._all)

    def index(self, number: int) -> Settings:
        """Return cell `number`, counted from 0; raise `IndexError` if there are not so many."""
        if not 0 <= number < self.count:
            msg = f"there are {self.count} cells, and no number {number}"
            raise IndexError(msg)
        cell: Settings = ()
        alive = self._all
        for place in range(len(self._axes)):
            for pair, left in self._next(place, alive):
                ways = self._ways(place + 1, left)
                if number < ways:
                    cell, alive = (*cell, pair), left
                    break
                number -= ways
        return cell

    def __iter__(self) -> Iterator[Settings]:
        """Yield every cell, in the order of `index`."""
        return self._below((), 0, self._all)

    def complete(self, wanted: Mapping[str, str]) -> Settings | None:
        """Return the first cell that has these settings, or None."""
        return self._completed((), 0, self._all, wanted)

    def _ways(self, place: int, alive: int) -> int:
        """Return how many cells begin as one whose settings left these exclusions possible."""
        if not alive or place == len(self._axes):
            return self._free[place]
        found = self._known.get((place, alive))
        if found is None:
            found = sum(self._ways(place + 1, left) for _, left in self._next(place, alive))
            self._known[place, alive] = found
        return found

    def _next(self, place: int, alive: int) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield the settings that may come next, each with the exclusions it leaves possible."""
        for pair, against in zip(self._pairs[place], self._against[place], strict=True):
            left = alive & ~against
            if not left & self._due[place]:
                yield pair, left

    def _below(self, cell: Settings, place: int, alive: int) -> Iterator[Settings]:
        if not alive or place == len(self._axes):
            for rest in product(*self._pairs[place:]):
                yield cell + rest
            return
        for pair, left in self._next(place, alive):
            yield from self._below((*cell, pair), place + 1, left)

    def _completed(
        self, cell: Settings, place: int, alive: int, wanted: Mapping[str, str]
    ) -> Settings | None:
        if place == len(self._axes):
            return cell
        fixed = wanted.get(self._axes[place][0])
        for pair, left in self._next(place, alive):
            if fixed in {None, pair[1]}:
                found = self._completed((*cell, pair), place + 1, left, wanted)
                if found is not None:
                    return found
        return None


class Listed:
    """Cells that are listed one by one; all have the same axes."""

    def __init__(self, cells: Sequence[Settings]) -> None:
        """Take the cells in the order in which they are preferred."""
        self._cells = tuple(cells)
        self._holding: dict[tuple[str, str], int] = {}
        values: dict[str, dict[str, None]] = {}
        for number, cell in enumerate(self._cells):
            for pair in cell:
                self._holding[pair] = self._holding.get(pair, 0) | 1 << number
                values.setdefault(pair[0], {})[pair[1]] = None
        self._axes = tuple((name, tuple(found)) for name, found in values.items())

    @property
    def axes(self) -> Axes:
        """Return each axis with the values that occur."""
        return self._axes

    def complete(self, wanted: Mapping[str, str]) -> Settings | None:
        """Return the first cell that has these settings, or None."""
        left = (1 << len(self._cells)) - 1
        for pair in wanted.items():
            left &= self._holding.get(pair, 0)
        return self._cells[(left & -left).bit_length() - 1] if left else None


def _against(exclusions: Sequence[Settings], name: str, value: str) -> int:
    """Return the exclusions that want another value of that axis."""
    return sum(
        1 << number
        for number, out in enumerate(exclusions)
        if any(axis == name and other != value for axis, other in out)
    )


def _due(names: Sequence[str], exclusions: Sequence[Settings]) -> list[int]:
    due = [0] * len(names)
    for number, out in enumerate(exclusions):
        due[max(names.index(axis) for axis, _ in out)] |= 1 << number
    return due

"""The matrix's rows as they stand below the titles of their groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from orchestrator.model.grid import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a window shows of one group; each line with its number among all rows."""

    number: int
    title: str
    #: its first row is the window's, or below it
    begins: bool
    lines: tuple[tuple[int, Line], ...]


def groups(
    lines: Sequence[Line], first: int, sizes: Sequence[tuple[str, int]]
) -> tuple[Lines, ...]:
    """Return the lines of a window by group; `first` is the number of the first of them."""
    starts = list(accumulate((size for _, size in sizes), initial=0))
    begin = {title: (number, starts[number]) for number, (title, _) in enumerate(sizes)}
    found = []
    numbered = enumerate(lines, first)
    for title, members in groupby(numbered, key=lambda pair: pair[1].group):
        rows = tuple(members)
        number, start = begin[title]
        begins = rows[0][0] == start
        found.append(Lines(number=number, title=title, begins=begins, lines=rows))
    return tuple(found)

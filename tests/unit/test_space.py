"""Cells without enumerating them, and few of them that hold every combination."""

import tracemalloc
from itertools import combinations, islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.arch import Settings
from orchestrator.model.covering import Covering, covering
from orchestrator.model.space import Listed, Space

# a busy machine is no reason to fail
_BUSY = settings(deadline=None, max_examples=30)
TEN = [(f"axis{n}", [f"{n}{v}" for v in "abcdefghij"]) for n in range(6)]
OUT = [
    (("axis0", "0a"), ("axis1", "1b")),
    (("axis2", "2d"), ("axis5", "5j")),
    (("axis3", "3b"),),
    (("axis0", "0f"), ("axis1", "1f"), ("axis2", "2f")),
]


@st.composite
def spaces(draw: st.DrawFn) -> tuple[list[tuple[str, list[str]]], list[Settings]]:
    """Draw one to four axes of one to four values, and up to three exclusions."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axes = [(f"x{n}", [f"{n}{v}" for v in range(size)]) for n, size in enumerate(sizes)]
    out = []
    for _ in range(draw(st.integers(0, 3))):
        chosen = draw(st.sets(st.integers(0, len(axes) - 1), min_size=1))
        out.append(tuple((axes[n][0], draw(st.sampled_from(axes[n][1]))) for n in sorted(chosen)))
    return axes, out


def listed(axes: list[tuple[str, list[str]]], out: list[Settings]) -> list[Settings]:
    pairs = [[(name, value) for value in values] for name, values in axes]
    return [c for c in product(*pairs) if not any(set(o) <= set(c) for o in out)]


@_BUSY
@given(spaces())
def test_count_index_and_order_are_those_of_the_list(
    drawn: tuple[list[tuple[str, list[str]]], list[Settings]],
) -> None:
    space, cells = Space(*drawn), listed(*drawn)
    assert list(space) == cells
    assert space.count == len(cells)
    assert [space.index(n) for n in range(len(cells))] == cells
    with pytest.raises(IndexError, match=f"there are {len(cells)} cells"):
        space.index(len(cells))


@_BUSY
@given(spaces(), st.integers(1, 3))
def test_a_covering_holds_all_that_any_cell_can(
    drawn: tuple[list[tuple[str, list[str]]], list[Settings]], strength: int
) -> None:
    space, cells = Space(*drawn), listed(*drawn)
    found = covering(space, strength, seed=3)
    assert found == covering(space, strength, seed=3)
    assert set(found.cells) <= set(cells)
    size = min(strength, len(drawn[0]))
    possible = {held for cell in cells for held in combinations(cell, size)}
    assert {held for cell in found.cells for held in combinations(cell, size)} == possible
    assert found.coverable == len(possible)
    pairs = [[(name, value) for value in values] for name, values in drawn[0]]
    every = {h for chosen in combinations(pairs, size) for h in product(*chosen)}
    assert set(found.uncoverable) == every - possible
    if cells:
        assert set(covering(Listed(cells), strength).cells) <= set(cells)


@pytest.mark.parametrize("out", [[], OUT])
def test_all_pairs_of_six_axes_of_ten_values_are_in_at_most_120_cells(out: list[Settings]) -> None:
    space = Space(TEN, out)
    found: Covering = covering(space, 2)
    assert len(found.cells) <= 120
    held = {pair for cell in found.cells for pair in combinations(cell, 2)}
    assert len(held) == found.coverable
    assert found.coverable + len(found.uncoverable) == 1500
    assert not any(set(o) <= set(cell) for o in out for cell in found.cells)


def test_a_million_cells_are_streamed_and_counted_in_no_space() -> None:
    tracemalloc.start()
    space = Space(TEN, OUT)
    assert space.count == 900_000 - 9_000 - 9_000 + 90 - 900
    first = list(islice(space, 1000))
    assert first[-1] == space.index(999)
    assert space.index(space.count - 1)[0] == ("axis0", "0j")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()

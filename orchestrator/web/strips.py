"""How an arch did lately, result by result and day by day, as markup."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from orchestrator.model.health import Day, Judged
from orchestrator.web.markup import GLYPHS, cell_page, told

#: the most results of a day are so tall; a day is so wide
_TALL, _WIDE, _FOOT, _HEIGHT = 34, 12, 38, 40
_NEVER: Final = '<span class="dim">never tested</span>'


def strip(results: Sequence[Judged]) -> Markup:
    """Return a square for each result, leading to its cell."""
    return Markup(f'<span class="strip">{"".join(map(_bit, results)) or _NEVER}</span>')  # noqa: S704


def daily(days: tuple[Day, ...]) -> Markup:
    """Return a bar for each day: green below, red above, the longest as tall as the picture."""
    counts = tuple((day.passed, day.failed, day.broken) for day in days)
    names = [f"{day.day:%d %b}" for day in days]
    said = ", ".join(
        f"{name} {passed} passed {failed} failed {broken} broken"
        for name, (passed, failed, broken) in zip(names, counts, strict=True)
        if passed + failed + broken
    )
    most = max(map(sum, counts), default=0) or 1
    bars = "".join(
        f"<g><title>{name}: {passed} passed, {failed} failed, {broken} broken</title>"
        f"{_bar(at * _WIDE, *(_height(n, most) for n in (passed, failed, broken)))}</g>"
        for at, (name, (passed, failed, broken)) in enumerate(zip(names, counts, strict=True))
    )
    width = len(days) * _WIDE
    return Markup(  # noqa: S704  # numbers and dates
        f'<svg class="daily" width="{width}" height="{_HEIGHT}" role="img"'
        f' aria-label="{said or "no results in two weeks"}">'
        f'<line x1="0" x2="{width}" y1="{_FOOT}.5" y2="{_FOOT}.5"/>{bars}</svg>'
    )


def _bit(result: Judged) -> str:
    what = f"{told(result.cell)} {told(result.ref)}: {result.verdict}"
    cause = f", {told(result.cause)}" if result.cause else ""
    return (
        f'<a class="bit is-{result.verdict}" href="{cell_page(result.cell)}"'
        f' title="{what}{cause}" aria-label="{what}">{GLYPHS[result.verdict]}</a>'
    )


def _height(count: int, most: int) -> int:
    return max(2, round(_TALL * count / most)) if count else 0


@lru_cache(maxsize=4096)
def _bar(x: int, passed: int, failed: int, broken: int) -> str:
    foot = _FOOT - passed
    return (
        f'<rect class="passed" x="{x}" y="{foot}" width="9" height="{passed}"/>'
        f'<rect class="failed" x="{x}" y="{foot - failed}" width="9" height="{failed}"/>'
        f'<rect class="broken" x="{x + 2}" y="{foot - failed - broken}" width="5"'
        f' height="{broken}"/>'
    )

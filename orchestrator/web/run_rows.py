"""The rows of a run's page, a cell each, as markup."""

from datetime import datetime
from typing import Final

from markupsafe import Markup

from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView, Tally
from orchestrator.web.looks import clock, face, span, stamp
from orchestrator.web.markup import badge, cell_page, cells_page, moment, told
from orchestrator.web.timeline import Span, spans

_RED: Final = frozenset({Verdict.FAILED, Verdict.BROKEN})


def row(cell: CellView, now: datetime) -> Markup:
    """Return the row of a cell."""
    vote = "" if cell.voting else "<small>does not vote</small>"
    again = f"<small>attempt {cell.attempts}</small>" if cell.attempts > 1 else ""
    return Markup(  # noqa: S704  # escaped by `told`
        f'<tr id="c-{told(cell.cell)}"><th scope="row"><a href="{cell_page(cell.cell)}">'
        f"{told(cell.arch)}</a>{vote}</th>"
        f"<td>{badge(face(cell), cell.blame or '')}{again}</td>"
        f'<td class="cause">{_happened(cell, now)}</td><td class="stages">{_stages(cell)}</td>'
        f'<td class="tests">{tally(cell.tests)}</td>'
        f'<td class="machines">{_machines(cell)}</td></tr>'
    )


def tally(tests: Tally) -> str:
    """Return how many tests ended how; nothing without any."""
    if not tests.passed + tests.failed + tests.skipped:
        return ""
    failed = f', <b class="bad">{tests.failed} failed</b>' if tests.failed else ""
    skipped = f", {tests.skipped} skipped" if tests.skipped else ""
    return f'<span class="tally">{tests.passed} passed{failed}{skipped}</span>'


def _happened(cell: CellView, now: datetime) -> str:
    more = ""
    if cell.state is State.WAITING:
        more = _wait(cell, now)
    elif cell.updated:
        word = "last word " if cell.state is State.RUNNING else ""
        more = f" <small>{word}{moment(cell.updated, now, ' ago')}</small>"
    red = cell.state is State.DONE and cell.verdict in _RED
    return f"{told(cell.cause or cell.why)}{more}{_since(cell) if red else ''}"


def _wait(cell: CellView, now: datetime) -> str:
    if cell.wait is None:
        return ""
    begins = "nobody can tell when it starts"
    if until := cell.wait.until:
        begins = (
            f'starts at about <time datetime="{until.isoformat()}" title="{stamp(until)}">'
            f"{clock(until)} UTC</time>, in {span((until - now).total_seconds())}"
        )
    behind = f" · behind {told(cell.wait.behind)}" if cell.wait.behind else ""
    return f"<small>{begins}{behind}</small>"


def _since(cell: CellView) -> str:
    """Return what leads to the comparison with the last good run, and loads it in place."""
    where = f"/runs/{told(cell.cell.partition('/')[0])}/since{cells_page(cell.arch)}"
    return (
        f'<details class="since" id="since-{told(cell.cell)}"><summary hx-get="{where}"'
        ' hx-select="#changes" hx-target="next .told" hx-trigger="click once">what changed since'
        f' it was good</summary><div class="told" data-keep><a href="{where}">compare with the last'
        " good run</a></div></details>"
    )


def _stages(cell: CellView) -> str:
    doing = f'<small class="doing">{told(cell.doing)}</small>' if cell.doing else ""
    took = spans(cell.phases)
    if not took:
        return doing
    words = [f"{told(one.stage)} {span(one.seconds)}" for one in took]
    return f"{_bar(took, ', '.join(words))}<small>{' · '.join(words)}</small>{doing}"


def _bar(took: tuple[Span, ...], words: str) -> str:
    parts = "".join(
        f'<rect class="in-{told(one.stage)}{" live" if one.live else ""}" x="{one.x}"'
        f' width="{one.width}" height="10"/>'
        for one in took
    )
    return (
        '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"'
        f' aria-label="{words}">{parts}</svg>'
    )


def _machines(cell: CellView) -> str:
    names = told(", ".join(cell.nodes))
    partner = f" {told(cell.partner)}" if cell.partner else ""
    kind = f"<small>{cell.provenance}{partner}</small>" if cell.provenance else ""
    return f"{names}{kind}"

"""What is built as text for pages: hostile words of any field are inert in it."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from orchestrator.model.grid import Line, Square
from orchestrator.model.health import Judged
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.lease import Reason, Why
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.model.view import ArchView, CellView, Phases, Tally
from orchestrator.web import lease_strip, markup, run_rows, squares, strips
from orchestrator.web.looks import Face
from orchestrator.web.usage import Block, Usage
from tests.unit.test_web_hostile import HOSTILE, Elements

T = TypeVar("T")
NOW = datetime(2031, 5, 20, 12, tzinfo=UTC)
CELL = CellView(
    cell="7/kvm-flat",
    arch="kvm-flat",
    state=State.DONE,
    stage="",
    verdict=Verdict.FAILED,
    blame=Blame.PRODUCT,
    cause="late: the second NIC never answered",
    voting=False,
    provenance=None,
    attempts=2,
    phases=Phases(lease=1, provision=30),
    tests=Tally(passed=2, failed=1, skipped=1),
    nodes=("n01", "n02"),
    why="",
    url="",
    updated=NOW,
    partner="hp",
)
WAITING = replace(CELL, state=State.WAITING, verdict=None, blame=None, cause="", why="waits")
RUNNING = replace(CELL, state=State.RUNNING, verdict=None, blame=None, stage="deploy", doing="x")
RESULT = Judged(
    run=RunId(7),
    repo="sample",
    ref="trunk",
    commit="c7",
    patched=False,
    cell=CellId("7/kvm-flat"),
    attempt=AttemptId("7/kvm-flat/1"),
    arch="kvm-flat",
    verdict=Verdict.FAILED,
    blame=Blame.PRODUCT,
    cause="it broke",
    at=NOW,
)
BLOCK = Block(x=1, width=2, kind="failed", attempt="1/a/1", cell="1/a", seconds=3, live=False)


def _pairs(value: T) -> list[tuple[T, T]]:
    """Return the value with each of its texts in turn made hostile, and made plain."""

    def with_word(field: str, word: str) -> T:
        found = getattr(value, field)
        return replace(value, **{field: (word,) if isinstance(found, tuple) else word})

    texts = [f.name for f in fields(value) if type(getattr(value, f.name)) in {str, tuple}]
    assert texts
    return [(with_word(field, HOSTILE), with_word(field, "x")) for field in texts]


def _line(cell: CellView, differs: str = "") -> Line:
    arch = ArchView(
        name=cell.arch,
        summary="",
        hypervisors=(),
        machines=1,
        voting=True,
        lieutenants=(),
        source="",
    )
    found = (Square(cell=cell, faint=bool(differs)), None)
    return Line(arch=arch, group="", squares=found, trend=(Verdict.BROKEN, None), base=cell.verdict)


def _inert(text: str, plain: str) -> None:
    """Check that the text has the very elements and kinds of attributes that the plain one has."""
    found, wanted = Elements(text), Elements(plain)
    assert found.tags == wanted.tags
    assert [a[:2] for a in found.attributes] == [a[:2] for a in wanted.attributes]
    assert not [c for c in text if ord(c) < 32 and c not in "\n\t"], "control codes"
    assert "\u202e" not in text


@pytest.mark.parametrize("cell", [CELL, WAITING, RUNNING], ids=lambda cell: cell.state)
def test_cells_are_inert_whatever_their_words_are(cell: CellView) -> None:
    for wicked, plain in _pairs(cell):
        texts = (squares.squares(_line(one), 1, "", NOW) for one in (wicked, plain))
        _inert(*texts)
        _inert(run_rows.row(wicked, NOW), run_rows.row(plain, NOW))


def test_words_of_whoever_looks_are_inert() -> None:
    plain = squares.squares(_line(CELL, "trunk"), 1, "trunk", NOW)
    assert "as trunk" in plain
    _inert(squares.squares(_line(CELL, "x"), 1, HOSTILE, NOW), plain)
    wait = Why(reason=Reason.BUSY, text="w", behind="7/a/1", capability=("kvm",), until=NOW)
    for pair in _pairs(wait):
        _inert(*(run_rows.row(replace(WAITING, wait=one), NOW) for one in pair))
    face = Face(kind="failed", word=HOSTILE)
    _inert(markup.badge(face, HOSTILE), markup.badge(Face(kind="failed", word="x"), "y"))


def test_results_and_leases_are_inert() -> None:
    for wicked, plain in _pairs(RESULT):
        _inert(strips.strip([wicked]), strips.strip([plain]))
    used = Usage(span="day", since=NOW, blocks=(BLOCK,), ticks=((1, NOW),), busy=0.5, leases=1)
    for wicked, _ in _pairs(BLOCK):
        shown = replace(used, blocks=(replace(wicked, kind=BLOCK.kind),))
        _inert(lease_strip.leases(shown, HOSTILE, True), lease_strip.leases(used, "n01", True))

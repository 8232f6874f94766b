"""Badges: what an arch last said of a branch, as a small picture for a README.

Word and mark say it as well as the colour.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from markupsafe import escape

from orchestrator.model.errors import NotFound
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView
from orchestrator.ports.board import Sought, SoughtCells
from orchestrator.web.house import Here, House
from orchestrator.web.looks import clean

routes = APIRouter(prefix="/badges")

_Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
#: cells that are looked at for the newest one that says something, and runs of a branch
_BACK = 50
_RUNS = 20
#: pixels: of a letter, about, and beside a text
_LETTER, _MARGIN = 6.6, 12
_TOLD = (Verdict.FAILED, Verdict.BROKEN, Verdict.PASSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    mark: str
    word: str
    colour: str


_FACES = {
    Verdict.PASSED: _Face(mark="\u2713", word="passed", colour="#1a7f37"),
    Verdict.FAILED: _Face(mark="\u2717", word="failed", colour="#b42318"),
    Verdict.BROKEN: _Face(mark="!", word="broken", colour="#8a5a00"),
}
_UNKNOWN = _Face(mark="?", word="unknown", colour="#57606a")


class Svg(Response):
    """A picture that other sites' pages may show."""

    media_type = "image/svg+xml"

    def __init__(self, content: str, status_code: int = 200) -> None:
        """Take the picture's text."""
        headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
        super().__init__(content, status_code, headers=headers)


@routes.get("/branch.svg", response_class=Svg)
def branch(house: Here, repo: _Word = "", ref: _Word = "trunk") -> Svg:
    """Return the worst that any voting arch last said of the branch."""
    newest: dict[str, CellView] = {}
    for run in house.library.catalogue.runs(Sought(repo=repo, ref=ref), _RUNS):
        for cell in run.cells:
            if cell.voting and cell.verdict in _TOLD:
                newest.setdefault(cell.arch, cell)
    verdicts = {cell.verdict for cell in newest.values()}
    worst = next((verdict for verdict in _TOLD if verdict in verdicts), None)
    return Svg(_picture(ref, worst))


@routes.get("/{arch}.svg", response_class=Svg)
def badge(
    house: Here,
    arch: Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")],
    repo: _Word = "",
    ref: _Word = "",
) -> Svg:
    """Return what the arch last said, of one branch (`ref`) if named."""
    if arch not in house.library.lab.archs:
        raise NotFound(f"there is no arch {arch}; /api/archs lists them")
    return Svg(_picture(f"{arch} {ref}".strip(), _newest(house, arch, repo, ref)))


def _newest(house: House, arch: str, repo: str, ref: str) -> Verdict | None:
    sought = SoughtCells(runs=Sought(repo=repo, ref=ref), arch=arch)
    found, _ = house.library.catalogue.cells(sought, _BACK)
    return next((one.cell.verdict for one in found if one.cell.verdict in _TOLD), None)


def _picture(label: str, verdict: Verdict | None) -> str:
    face = _FACES.get(verdict, _UNKNOWN) if verdict else _UNKNOWN
    label = str(clean(label))[:100]
    says = f"{face.mark} {face.word}"
    left, right = (round(len(text) * _LETTER) + _MARGIN for text in (label, says))
    name = escape(f"{label}: {face.word}")
    text = 'y="14" fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{name}"><title>{name}</title>'
        f'<rect width="{left}" height="20" fill="#3d444d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{face.colour}"/>'
        f'<text x="{left / 2}" text-anchor="middle" {text}>{escape(label)}</text>'
        f'<text x="{left + right / 2}" text-anchor="middle" {text}>{escape(says)}</text></svg>\n'
    )

"""How the matrix is looked at, as it stands in an address."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, Field

from orchestrator.model.grid import HIGHEST, Look, Wanted, Window
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Blame, Verdict

Word = Annotated[str, Field(max_length=1000)]
Any_ = Literal[""]
Count = Annotated[int, Field(ge=0, le=HIGHEST)]


class LookQuery(BaseModel):
    """The filters and the window; a filter that is empty means any."""

    repo: Word = ""
    ref: Word = ""
    lane: Lane | Any_ = ""
    requester: Word = ""
    hypervisor: Word = ""
    arch: Word = ""
    verdict: Verdict | Any_ = ""
    blame: Blame | Any_ = ""
    #: `run` or `commit`
    by: Literal["run", "commit"] = "run"
    #: a branch: show only what differs from its newest word
    differs: Word = ""
    #: the newest run that is shown
    at: Annotated[int, Field(ge=1, le=HIGHEST)] | Any_ = ""
    row: Count = 0
    rows: Annotated[int, Field(ge=1, le=80)] = 24
    col: Count = 0
    cols: Annotated[int, Field(ge=1, le=60)] = 12

    def look(self) -> Look:
        """Return it as the overview takes it."""
        return Look(
            wanted=Wanted(
                repo=self.repo,
                ref=self.ref,
                lane=self.lane,
                requester=self.requester,
                verdict=self.verdict or None,
                blame=self.blame or None,
                at=self.at or HIGHEST,
            ),
            window=Window(row=self.row, rows=self.rows, col=self.col, cols=self.cols),
            hypervisor=self.hypervisor,
            arch=self.arch.strip(),
            by_commit=self.by == "commit",
            differs=self.differs,
        )

    def filters(self) -> dict[str, str]:
        """Return what was chosen, without the window."""
        chosen = self.model_dump(mode="json", exclude_defaults=True)
        window = {"row", "rows", "col", "cols"}
        return {name: str(value) for name, value in chosen.items() if name not in window}

    def address(self, **changes: object) -> str:
        """Return the address of the same look with some fields changed; the window begins anew."""
        fields = self.filters() | {name: str(value) for name, value in changes.items()}
        words = urlencode({name: value for name, value in fields.items() if value})
        return f"/?{words}" if words else "/"


#: annotate a route's parameter with it to be given the look
LookHere = Annotated[LookQuery, Query()]

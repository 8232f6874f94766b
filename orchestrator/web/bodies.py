"""What the API accepts, checked field by field; an unknown field is refused."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from orchestrator.model.request import Lane, Patch, Ref, Request, Select
from orchestrator.model.series import Series

Word = Annotated[str, Field(min_length=1, max_length=1000)]
Sentence = Annotated[str, Field(max_length=2000)]
#: a patch may be large, but it is kept in memory while it is looked at
PatchText = Annotated[str, Field(min_length=1, max_length=8_000_000)]


class Body(BaseModel):
    """Something that is sent to us."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PatchBody(Body):
    """A local patch: the file's name and its text."""

    name: Word
    text: PatchText


class RefBody(Body):
    """A ref of another repository to use beside the one under test."""

    repo: Word
    ref: Word


class RequestBody(Body):
    """A request for a run, or for its plan."""

    repo: Word
    ref: Word
    requester: Word
    archs: tuple[Word, ...] = ()
    select: Select = Select.ALL
    patches: Annotated[tuple[PatchBody, ...], Field(max_length=100)] = ()
    others: Annotated[tuple[RefBody, ...], Field(max_length=100)] = ()
    lane: Lane = Lane.ASKED
    reason: Sentence = ""
    trust_code: bool = False
    key: Sentence = ""

    def request(self) -> Request:
        """Return it as the desk takes it."""
        return Request(
            repo=self.repo,
            ref=self.ref,
            requester=self.requester,
            archs=self.archs,
            select=self.select,
            patches=tuple(Patch(name=patch.name, text=patch.text) for patch in self.patches),
            others=tuple(Ref(repo=other.repo, ref=other.ref) for other in self.others),
            lane=self.lane,
            reason=self.reason,
            trust_code=self.trust_code,
            key=self.key,
        )


class SeriesBody(Body):
    """The patches that one operator carries, in their order."""

    operator: Word
    patches: Annotated[tuple[PatchBody, ...], Field(min_length=1, max_length=1000)]

    def series(self) -> Series:
        """Return it as the survey takes it."""
        patches = tuple(Patch(name=patch.name, text=patch.text) for patch in self.patches)
        return Series(operator=self.operator, patches=patches)


class SurveyBody(Body):
    """What to lay on which commits."""

    repo: Word
    ref: Word
    last: Annotated[int, Field(ge=1, le=100)] = 5
    series: Annotated[tuple[SeriesBody, ...], Field(min_length=1, max_length=100)]


class ReasonBody(Body):
    """Why somebody does it."""

    reason: Sentence = ""


class BisectBody(Body):
    """From where the first bad commit is searched, and by whom."""

    requester: Word
    good: Sentence = ""
    trust_code: bool = False


class TestBody(Body):
    """How thoroughly a node is tested."""

    #: switch it off, on and off
    cycle: bool = False


class HoldBody(Body):
    """For how long a person needs the machines."""

    hours: Annotated[float, Field(gt=0, le=10_000)]


class FaultBody(Body):
    """A fault for one node, met by each action with that chance, until then (or for ever)."""

    node: Word
    kind: Word
    chance: Annotated[float, Field(gt=0, le=1)] = 1.0
    until: AwareDatetime | None = None

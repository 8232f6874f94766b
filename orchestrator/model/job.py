"""What a Jenkins client sees of us: jobs with parameters, and builds that it asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.ids import RunId
from orchestrator.model.partner import Claim
from orchestrator.model.verdict import Verdict

#: parameters that say whom to call when a build is over; both let their holder in somewhere
CALLBACK_URL = "CALLBACK_URL"
CALLBACK_TOKEN = "CALLBACK_TOKEN"  # noqa: S105  # a parameter's name
HIDDEN = frozenset({CALLBACK_URL, CALLBACK_TOKEN})
#: the subscription of those who are called
CALLBACKS = "jenkins callbacks"
RESULTS: Mapping[Verdict, Claim] = {
    Verdict.PASSED: Claim.SUCCESS,
    Verdict.FAILED: Claim.UNSTABLE,
    Verdict.BROKEN: Claim.FAILURE,
    Verdict.CANCELLED: Claim.ABORTED,
    Verdict.SKIPPED: Claim.NOT_BUILT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A build that was asked for: its queue item, its build and our run have the same number."""

    run: RunId
    job: str
    #: the arch whose cell it is
    arch: str
    #: who asked, by token
    asker: str
    #: as they were given, as far as the job declares them
    parameters: Mapping[str, str] = field(repr=False)

    def shown(self) -> dict[str, str]:
        """Return the parameters that others may see."""
        return {name: value for name, value in self.parameters.items() if name not in HIDDEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that can be asked for: an arch, or a job that somebody described."""

    name: str
    #: empty for a job that names no arch: it cannot be built
    arch: str
    summary: str
    #: parameter -> default
    parameters: Mapping[str, str]
    #: as somebody described it, or empty for an arch of ours
    xml: str = ""

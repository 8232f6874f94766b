"""Code review: proposals as a review system has them, and what we made of each."""

import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.model.ids import AttemptId, RunId
from orchestrator.model.verdict import Blame, Verdict

_RECHECK = re.compile(r"^\s*recheck((?:[ \t,]+[\w.+-]+)*)\s*$", re.IGNORECASE | re.MULTILINE)
_DEPENDS = re.compile(r"^\s*Depends-On:\s*(\S+)\s*$", re.IGNORECASE | re.MULTILINE)


class Fate(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    MERGED = "merged"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What somebody wrote under a proposal."""

    id: str
    author: str
    text: str
    #: its author may ask us for something
    trusted: bool
    #: the patch set that it is about; 0 where there are none
    revision: int = 0

    @property
    def recheck(self) -> tuple[str, ...] | None:
        """Return the archs that it wants to be tried again (empty: all), None for none."""
        found = _RECHECK.search(self.text)
        return tuple(re.findall(r"[\w.+-]+", found[1])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A Gerrit change, a pull request or a merge request, at its newest revision."""

    #: as the review system calls them
    project: str
    number: str
    sha: str
    #: what git fetches it by
    ref: str
    branch: str
    fate: Fate
    author: str
    #: commit message or description: where `Depends-On` stands
    message: str
    url: str
    #: the number of its patch set; 0 where these are not counted
    revision: int = 0
    #: nobody who may write to the project has vouched for its code
    outside: bool = False
    #: its author says that it is not ready
    draft: bool = False
    remarks: tuple[Remark, ...] = ()

    @property
    def depends(self) -> tuple[str, ...]:
        """Return what its `Depends-On` lines name, each once."""
        return tuple(dict.fromkeys(_DEPENDS.findall(self.message)))


class Forks(StrEnum):
    """When code of people who may not write to the project is run."""

    NEVER = "never"
    #: once somebody who may write to it says `recheck`
    APPROVED = "approved"
    ALWAYS = "always"


class Progress(StrEnum):
    """How far we are with a revision of a proposal."""

    RUNNING = "running"
    #: its author can read what it came to
    TOLD = "told"
    SUPERSEDED = "superseded"
    #: it could not be run, and its author was told why
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A revision that we look after."""

    review: str
    proposal: Proposal
    progress: Progress
    #: None: it could not be asked for
    run: RunId | None = None
    #: counted up by each recheck
    round: int = 1
    #: the attempts that a recheck is to follow upon, until it does
    again: tuple[AttemptId, ...] = ()
    #: the sentence of a refusal
    said: str = ""
    #: that it is under way was told
    announced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOpinion:
    """What one arch says of a revision."""

    arch: str
    voting: bool
    url: str
    #: None: it is not done
    verdict: Verdict | None
    blame: Blame | None
    cause: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What we say of a revision: `key` is said once."""

    key: str
    url: str
    cells: tuple[CellOpinion, ...]
    #: a sentence, instead of cells
    refusal: str = ""

    @property
    def done(self) -> bool:
        """Return whether it is our last word."""
        return bool(self.refusal) or all(cell.verdict for cell in self.cells)

    @property
    def vote(self) -> int:
        """Return 1, -1, or 0 where nobody could tell; archs without a vote do not count."""
        verdicts = {cell.verdict for cell in self.cells if cell.voting}
        if Verdict.FAILED in verdicts:
            return -1
        good = verdicts <= {Verdict.PASSED, Verdict.SKIPPED}
        return 1 if good and Verdict.PASSED in verdicts and not self.refusal else 0

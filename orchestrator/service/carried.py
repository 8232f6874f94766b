"""What operators carry on top of the product: a report for whoever merges and whoever carries."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Commit
from orchestrator.model.series import Carried, Finding, Series, same, shared
from orchestrator.model.view import (
    CommitView,
    PatchesView,
    PatchView,
    SharedView,
    StandingView,
)
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.history import History, Survey
from orchestrator.ports.source import Source

SURVEY_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPatches:
    """Surveys series over the newest commits of a ref; nothing is stored."""

    clock: Clock
    source: Source
    history: History
    survey: Survey

    def report(self, repo: str, ref: str, last: int, series: Sequence[Series]) -> PatchesView:
        """Return how every patch stands on the `last` commits of the ref, the newest first.

        Raises `NotFound` for an unknown ref, `ConfigError` for two series of one operator or for
        what is no patch.
        """
        names = [one.operator for one in series]
        if twice := [name for name in names if names.count(name) > 1]:
            msg = f"two series are called {twice[0]}: the folder's name is the operator's, so"
            raise ConfigError(f"{msg} rename one of the folders")
        deadline = Deadline(self.clock, SURVEY_SECONDS, what="the survey of the patches")
        tip = self.source.resolve(repo, ref, deadline)
        commits = self.history.line(tip, last, deadline)
        carried = self.survey.survey(commits, series, deadline)
        return PatchesView(
            repo=repo,
            ref=ref,
            commits=tuple(map(_commit, commits)),
            patches=tuple(_patch(one, carried) for one in carried),
            shared=tuple(map(_shared, shared(carried))),
        )


def _commit(commit: Commit) -> CommitView:
    return CommitView(commit=commit.name, subject=commit.subject)


def _patch(one: Carried, carried: Sequence[Carried]) -> PatchView:
    others = {other.operator for other in carried if same(one, other)} - {one.operator}
    newest = one.findings[0]
    return PatchView(
        operator=one.operator,
        patch=one.patch,
        subject=one.subject,
        patch_id=one.patch_id,
        standing=newest.standing,
        because=newest.because,
        shared_with=tuple(sorted(others)),
        commits=tuple(map(_standing, one.findings)),
    )


def _standing(finding: Finding) -> StandingView:
    return StandingView(
        commit=finding.commit.name, standing=finding.standing, because=finding.because
    )


def _shared(group: Sequence[Carried]) -> SharedView:
    subject = next((one.subject for one in group if one.subject), group[0].patch)
    return SharedView(
        subject=subject,
        operators=tuple(sorted({one.operator for one in group})),
        patches=tuple(f"{one.operator}/{one.patch}" for one in group),
        identical=len({one.patch_id for one in group}) == 1,
    )

"""The search for the first bad commit: each step looks at what is known and asks for one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.bisection import Mark, Step, step, tries
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import CellId, RunId, cell_id
from orchestrator.model.request import Commit, Ref, Request
from orchestrator.model.run import Cell, Run, State
from orchestrator.model.studies import BisectView, TriedCommit
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.history import History
from orchestrator.ports.source import Source
from orchestrator.ports.store import Events, Runs
from orchestrator.service.desk import Desk
from orchestrator.service.flipping import reds

READ_SECONDS = 120.0
#: runs and commits that are looked at
RUNS, COMMITS = 1000, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose first bad commit is searched, from where, and by whom."""

    cell: CellId
    #: a commit that is good; empty: the newest one before it that passed
    good: str
    requester: str
    trust_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a commit's cell of the arch came to."""

    mark: Mark
    cell: CellId


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisecting:
    """Halves the line of first parents; nothing is stored but the runs, so any kill is harmless."""

    clock: Clock
    source: Source
    history: History
    runs: Runs
    events: Events
    desk: Desk

    def advance(self, wanted: Wanted) -> BisectView:
        """Return how far the search is, with the next run asked for if one is needed.

        A repeat finds the same run. Raises `ConfigError` if the cell did not fail, or if the good
        commit is none; `NotFound`.
        """
        cell = self.runs.cell(wanted.cell)
        run = self.runs.run(cell.run)
        _refuse(cell, run)
        deadline = Deadline(self.clock, READ_SECONDS, what="reading the repository")
        past = self.history.line(run.commit, COMMITS, deadline)
        known = self._known(run, cell, frozenset(commit.sha for commit in past))
        line = self._line(run, wanted, known, past)
        marks = [self._mark(commit, known) for commit in line]
        _refuse_start(marks, line, known)
        now = step(marks)
        asked = self._ask(wanted, run, cell, line[now.probe]) if now.probe is not None else None
        return _view(cell, run, line, known, now, asked)

    def _line(
        self, run: Run, wanted: Wanted, known: Mapping[str, Known], past: Sequence[Commit]
    ) -> tuple[Commit, ...]:
        """Return the commits from the good one to the bad one, oldest first."""
        bad = run.commit
        if wanted.good:
            deadline = Deadline(self.clock, READ_SECONDS, what="reading the repository")
            good = self.source.resolve(run.repo, wanted.good, deadline).sha
            place = next((i for i, commit in enumerate(past) if commit.sha == good), 0)
            why = f"{wanted.good} is not among the commits before {bad.name}"
        else:
            passed = {sha for sha, one in known.items() if one.mark is Mark.GOOD}
            place = next((i for i, c in enumerate(past) if i and c.sha in passed), 0)
            why = f"no commit before {bad.name} passed here"
        if not place:
            raise ConfigError(f"{why}: name one that is good with --good COMMIT")
        return tuple(reversed(past[: place + 1]))

    def _known(self, run: Run, cell: Cell, past: frozenset[str]) -> Mapping[str, Known]:
        """Return what the arch's cells, with the same companions, say of those commits."""
        companions = self._companions(run.id)
        symptom = reds(self.events.of(cell.attempts[-1]))
        found: dict[str, Known] = {}
        for other, cells in self.runs.recent(run.repo, RUNS):
            one = next((c for c in cells if c.arch.name == cell.arch.name), None)
            sha = other.commit.sha
            if one is None or one.state is not State.DONE or other.commit.patched:
                continue
            told = sha in found and found[sha].mark is not Mark.UNCLEAR
            if sha in past and not told and self._companions(other.id) == companions:
                found[sha] = Known(mark=self._judge(one, symptom), cell=one.id)
        return found | {run.commit.sha: Known(mark=Mark.BAD, cell=cell.id)}

    def _judge(self, cell: Cell, symptom: frozenset[str]) -> Mark:
        """Return what a settled cell says: bad is only what fails as the cell in question did."""
        verdict = cell.ruling.verdict if cell.ruling else None
        if verdict is Verdict.PASSED:
            return Mark.GOOD
        if verdict is not Verdict.FAILED:
            return Mark.UNCLEAR
        found = reds(self.events.of(cell.attempts[-1]))
        return Mark.BAD if found & symptom or not symptom else Mark.UNCLEAR

    def _companions(self, run: RunId) -> tuple[tuple[str, str], ...]:
        return tuple((other.repo, other.sha) for other in self.runs.plan(run).others)

    def _mark(self, commit: Commit, known: Mapping[str, Known]) -> Mark:
        return known[commit.sha].mark if commit.sha in known else Mark.UNTRIED

    def _ask(self, wanted: Wanted, run: Run, cell: Cell, commit: Commit) -> Run:
        others = self._companions(run.id)
        return self.desk.ask(
            Request(
                repo=run.repo,
                ref=run.ref,
                commit=commit.sha,
                requester=wanted.requester,
                archs=(cell.arch.name,),
                others=tuple(Ref(repo=repo, ref=sha) for repo, sha in others),
                reason=f"bisect of {cell.id}",
                trust_code=wanted.trust_code,
                key=f"bisect:{cell.id}:{commit.sha}",
            )
        )


def _refuse(cell: Cell, run: Run) -> None:
    if run.commit.patched:
        msg = f"{cell.id} was tried with patches on top: which of them is bad is not in the history"
        raise ConfigError(f"{msg}; try them one by one with `run --patch`")
    verdict = cell.ruling.verdict if cell.ruling else None
    if verdict is not Verdict.FAILED:
        msg = f"{cell.id} is {verdict or 'not decided yet'}, so there is no first bad commit"
        raise ConfigError(f"{msg}; `smoketest matrix` shows which cells failed")


def _refuse_start(
    marks: Sequence[Mark], line: Sequence[Commit], known: Mapping[str, Known]
) -> None:
    if marks[0] in {Mark.GOOD, Mark.UNTRIED}:
        return
    said = "fails as well" if marks[0] is Mark.BAD else "could not be decided"
    msg = f"{line[0].name} is no good start: it {said} ({known[line[0].sha].cell})"
    raise ConfigError(f"{msg}; name an older one with --good COMMIT")


def _view(
    cell: Cell,
    run: Run,
    line: Sequence[Commit],
    known: Mapping[str, Known],
    now: Step,
    asked: Run | None,
) -> BisectView:
    commits = []
    for place, commit in enumerate(line):
        one = known.get(commit.sha, Known(mark=Mark.UNTRIED, cell=CellId("")))
        probing = asked is not None and place == now.probe
        name = cell_id(asked.id, cell.arch.name) if asked and probing else one.cell
        commits.append(
            TriedCommit(commit=commit.name, subject=commit.subject, mark=one.mark, cell=name)
        )
    return BisectView(
        cell=cell.id,
        arch=cell.arch.name,
        repo=run.repo,
        commits=tuple(commits),
        run=asked.id if asked else None,
        done=asked is None,
        suspects=tuple(line[i].name for i in now.suspects),
        left=tries([one.mark for one in commits]) if asked else 0,
        sentence=_sentence([commits[i] for i in now.suspects], done=asked is None),
    )


def _sentence(suspects: Sequence[TriedCommit], *, done: bool) -> str:
    last = suspects[-1]
    if len(suspects) == 1:
        return f"the first bad commit is {last.commit} {last.subject}".rstrip()
    if done:
        names = ", ".join(one.commit for one in suspects)
        return f"the first bad commit is one of {names}: those before the last could not be decided"
    return f"the first bad commit is one of {len(suspects)}"

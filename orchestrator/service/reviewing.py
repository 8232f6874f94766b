"""Reviewing: each revision of a proposal is tried once, and its author told once.

What a review system sends is a hint that something happened; what is to be done is read from the
proposal itself. So it does not matter how often a hint comes, in which order, or whether it was
lost with a connection: a look at the proposal ends the same.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from orchestrator.model.errors import ConfigError, NotFound, Occupied, SmoketestError
from orchestrator.model.ids import AttemptId, CellId, cell_of
from orchestrator.model.review import (
    CellOpinion,
    Fate,
    Opinion,
    Progress,
    Proposal,
    Remark,
    Watched,
)
from orchestrator.model.run import State
from orchestrator.model.view import CellView
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.outbox import Reviews
from orchestrator.ports.review import Hooked
from orchestrator.service.asker import Asker
from orchestrator.service.desk import Desk
from orchestrator.service.library import Library

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewing:
    """Looks after the proposals of every review system that the lab file names."""

    clock: Clock
    reviews: Reviews
    desk: Desk
    library: Library
    asker: Asker
    #: where people reach the pages; empty: where they are served
    pages: str = ""

    def attend(self, name: str, over: Callable[[], bool]) -> None:
        """Listen and answer until `over`; raises `Undelivered` when cut off: call it again."""

        def pause() -> bool:
            self.tick(name)
            return over()

        self.asker.systems[name].listen(
            lambda hint: self._guarded(name, hint), lambda: self.look_at_all(name), pause
        )

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> str:
        """Take a call of a hook that is signed, fresh and new; return what it is about.

        Raises `Denied`, `Occupied` for one that came before, `NotFound` for no such hook.
        """
        system = self.asker.systems.get(name)
        if not isinstance(system, Hooked):
            raise NotFound(f"no `[review.{name}]` of the lab file is called by a hook")
        delivery = system.check(headers, body)
        if not self.reviews.delivered(name, delivery.id, self.clock.now()):
            raise Occupied("this was delivered before")
        if delivery.hint:
            system.hint(delivery.hint)
        return delivery.hint

    def look_at_all(self, name: str) -> None:
        """Look at every open proposal, and at those that we thought were open."""
        found = {p.number: p for p in self.asker.systems[name].proposals(self._deadline())}
        for proposal in found.values():
            try:
                self._look(name, proposal)
            except ConfigError as error:
                _LOG.warning("%s: %s", proposal.url, error)
        for watched in self.reviews.running(name):
            if watched.proposal.number not in found:
                self.look_at(name, watched.proposal.number)

    def look_at(self, name: str, hint: str) -> None:
        """Look at the proposal that something happened to."""
        if proposal := self.asker.systems[name].find(hint, self._deadline()):
            self._look(name, proposal)

    def tick(self, name: str) -> None:
        """Do what was decided, and tell authors what their revisions came to."""
        for watched in self.reviews.running(name):
            try:
                self._carry_on(name, watched)
            except SmoketestError as error:
                _LOG.warning("%s: %s; it is tried again", watched.proposal.url, error)

    def _guarded(self, name: str, hint: str) -> None:
        """Look at one proposal; what is wrong with it keeps no other from us."""
        try:
            self.look_at(name, hint)
        except ConfigError as error:
            _LOG.warning("%s of %s: %s", hint, name, error)

    def _look(self, name: str, proposal: Proposal) -> None:
        if proposal.project not in self.asker.rules[name].projects:
            return
        self._supersede(name, proposal)
        if proposal.fate is not Fate.OPEN:
            return
        watched = self.reviews.find(name, proposal)
        if watched is None:
            self.asker.begin(name, proposal)
            return
        for remark in self.reviews.unread(name, proposal):
            watched = self._heed(watched, remark, proposal)

    def _supersede(self, name: str, proposal: Proposal) -> None:
        """Stop what runs for older revisions, or for all of them if it is closed."""
        for other in self.reviews.of(name, proposal):
            old = other.proposal.sha != proposal.sha or proposal.fate is not Fate.OPEN
            if not old or other.progress is not Progress.RUNNING:
                continue
            if other.run:
                self.desk.cancel_run(other.run)
            self.reviews.update(replace(other, progress=Progress.SUPERSEDED))

    def _heed(self, watched: Watched, remark: Remark, proposal: Proposal) -> Watched:
        """Do what a remark asks for; it is read whatever it says."""
        asked = remark.recheck if remark.trusted else None
        about = remark.revision in {0, proposal.revision}
        if asked is None or not about or watched.progress is Progress.RUNNING:
            self.reviews.update(watched, [remark])
            return watched
        renewed = self._again(watched, asked)
        self.reviews.update(renewed, [remark])
        return renewed

    def _again(self, watched: Watched, archs: tuple[str, ...]) -> Watched:
        """Return it with another round to come; a refused one is asked for anew."""
        cells = self.library.run(watched.run).cells if watched.run else ()
        again = tuple(
            AttemptId(f"{cell.cell}/{cell.attempts}")
            for cell in cells
            if not archs or cell.arch in archs
        )
        if watched.run and not again:
            return watched
        return replace(
            watched,
            progress=Progress.RUNNING,
            round=watched.round + 1,
            again=again,
            announced=False,
            said="" if watched.run else watched.said,
        )

    def _carry_on(self, name: str, watched: Watched) -> None:
        watched = self._retried(name, watched)
        if watched.run is None:
            opinion = Opinion(
                key=_key(watched), url=watched.proposal.url, cells=(), refusal=watched.said
            )
            self.asker.systems[name].tell(watched.proposal, opinion, self._deadline())
            self.reviews.update(replace(watched, progress=Progress.REFUSED))
            return
        run = self.library.run(watched.run)
        done = run.state is State.DONE
        if not done and watched.announced:
            return
        opinion = Opinion(
            key=_key(watched),
            url=self._public(run.url),
            cells=tuple(_opinion(cell, self._public(cell.url)) for cell in run.cells),
        )
        self.asker.systems[name].tell(watched.proposal, opinion, self._deadline())
        progress = Progress.TOLD if done else Progress.RUNNING
        self.reviews.update(replace(watched, progress=progress, announced=True))

    def _retried(self, name: str, watched: Watched) -> Watched:
        """Queue the attempts that a recheck asks for: those that are not there already."""
        for attempt in watched.again:
            cell = self.desk.runs.cell(cell_of(attempt))
            if cell.attempts[-1] == attempt and cell.state is State.DONE:
                self.desk.recheck(CellId(cell.id), f"recheck of {watched.proposal.url}")
        if watched.again:
            watched = replace(watched, again=())
            self.reviews.update(watched)
        if watched.run is None and not watched.said:
            watched = self.asker.again(name, watched)
        return watched

    def _public(self, url: str) -> str:
        """Return the page's address as people outside reach it."""
        return self.pages + url.removeprefix(self.library.url) if self.pages else url

    def _deadline(self) -> Deadline:
        return self.asker.deadline()


def _key(watched: Watched) -> str:
    if watched.run:
        return f"run {watched.run}, round {watched.round}"
    return f"{watched.proposal.sha[:10]}, round {watched.round}"


def _opinion(cell: CellView, url: str) -> CellOpinion:
    phases = (cell.phases.provision, cell.phases.deploy, cell.phases.smoke)
    return CellOpinion(
        arch=cell.arch,
        voting=cell.voting,
        url=url,
        verdict=cell.verdict,
        blame=cell.blame,
        cause=cell.cause,
        seconds=sum(phase or 0 for phase in phases),
    )

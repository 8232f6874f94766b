"""The asker: makes runs of proposals, once of each revision, with what they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.model.errors import ConfigError
from orchestrator.model.request import Ref, Request
from orchestrator.model.review import Fate, Forks, Progress, Proposal, Watched
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.outbox import Reviews
from orchestrator.ports.review import Review
from orchestrator.service.desk import Desk

ANSWER_SECONDS = 60.0
#: a chain of `Depends-On` that is longer is refused
LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How proposals of one review system are treated: a `[review.NAME]`."""

    name: str
    #: the lab's name for each project that we look after
    projects: Mapping[str, str]
    #: empty: every arch that the lab has machines for
    archs: tuple[str, ...] = ()
    forks: Forks = Forks.APPROVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks for runs of the proposals of every review system that the lab file names."""

    clock: Clock
    reviews: Reviews
    desk: Desk
    systems: Mapping[str, Review]
    rules: Mapping[str, Rules]

    def begin(self, name: str, proposal: Proposal) -> None:
        """Ask for a run, once: its key is the revision. What cannot be asked for is told."""
        if proposal.draft or not self._welcome(name, proposal):
            self.reviews.read(name, proposal)
            return
        watched = Watched(review=name, proposal=proposal, progress=Progress.RUNNING)
        try:
            run = self.desk.ask(self._request(name, proposal))
        except ConfigError as error:
            self.reviews.begin(replace(watched, said=str(error)))
            return
        # A branch of a fork may have moved on since we looked: then its own look follows.
        moved = run.commit.sha != proposal.sha
        if moved:
            self.desk.cancel_run(run.id)
        progress = Progress.SUPERSEDED if moved else Progress.RUNNING
        self.reviews.begin(replace(watched, run=run.id, progress=progress))

    def again(self, name: str, watched: Watched) -> Watched:
        """Ask for a run of what was refused; return it with its run, or the sentence."""
        try:
            run = self.desk.ask(self._request(name, watched.proposal))
        except ConfigError as error:
            return replace(watched, said=str(error))
        renewed = replace(watched, run=run.id)
        self.reviews.update(renewed)
        return renewed

    def _welcome(self, name: str, proposal: Proposal) -> bool:
        """Return whether code of that author may be run."""
        forks = self.rules[name].forks
        if not proposal.outside or forks is Forks.ALWAYS:
            return True
        # What was read stood under an earlier revision: it vouches for that one only.
        fresh = self.reviews.unread(name, proposal)
        vouched = any(remark.trusted and remark.recheck is not None for remark in fresh)
        return forks is Forks.APPROVED and vouched

    def _request(self, name: str, proposal: Proposal) -> Request:
        return Request(
            repo=self.rules[name].projects[proposal.project],
            ref=proposal.ref,
            requester=proposal.author,
            archs=self.rules[name].archs,
            others=self._others(name, proposal),
            reason=proposal.url,
            outside=proposal.outside,
            key=f"review:{name}:{proposal.project}:{proposal.number}:{proposal.sha}",
        )

    def _others(self, name: str, proposal: Proposal) -> tuple[Ref, ...]:
        """Return what the proposal depends on and is not merged yet, the far ends included."""
        found: dict[tuple[str, str], Ref] = {}
        seen = {(proposal.project, proposal.number)}
        ahead = list(proposal.depends)
        while ahead:
            system, other = self._named(name, ahead.pop(0), proposal)
            if (other.project, other.number) in seen or other.fate is Fate.MERGED:
                continue
            if len(seen) > LONGEST_CHAIN:
                raise ConfigError(f"its Depends-On name more than {LONGEST_CHAIN} others")
            seen.add((other.project, other.number))
            ahead.extend(other.depends)
            repo = self.rules[system].projects[other.project]
            found[repo, other.ref] = Ref(repo=repo, ref=other.ref)
        return tuple(found.values())

    def _named(self, first: str, token: str, proposal: Proposal) -> tuple[str, Proposal]:
        """Return what a `Depends-On` names, and in which review system; raise `ConfigError`."""
        for name in dict.fromkeys((first, *self.systems)):
            other = self.systems[name].find(token, self.deadline())
            if other is None or other.project not in self.rules[name].projects:
                continue
            if other.fate is Fate.ABANDONED:
                raise ConfigError(f"it depends on {token}, which is abandoned")
            return name, other
        raise ConfigError(
            f"{proposal.url} depends on {token}, which is no proposal of a project of this lab"
        )

    def deadline(self) -> Deadline:
        """Return how long a review system may take to answer."""
        return Deadline(self.clock, ANSWER_SECONDS, what="the review system")

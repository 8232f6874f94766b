"""Gerrit over REST, where no SSH port can be reached: asked now and then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from orchestrator.drivers.review import changes
from orchestrator.drivers.review.comment import mark
from orchestrator.drivers.review.gerrit import Manner
from orchestrator.drivers.review.web import Api, Inbox
from orchestrator.model.review import Opinion, Proposal
from orchestrator.ports.clock import Clock, Deadline

_FIELDS = "o=CURRENT_REVISION&o=CURRENT_COMMIT&o=MESSAGES&o=DETAILED_ACCOUNTS"
_PAGE = 100
_POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GerritRest:
    """`ports.review.Review` over Gerrit's REST API."""

    api: Api
    manner: Manner
    clock: Clock
    inbox: Inbox = field(default_factory=lambda: Inbox(every=_POLL_SECONDS))

    def proposals(self, deadline: Deadline) -> tuple[Proposal, ...]:
        """Return every open change of our projects."""
        named = " OR ".join(f"project:{{{project}}}" for project in self.manner.projects)
        return self._query(f"status:open ({named})", deadline)

    def find(self, name: str, deadline: Deadline) -> Proposal | None:
        """Return the change of that number, Change-Id or address."""
        term = changes.term(name, urlsplit(self.api.url).hostname or "")
        return next(iter(self._query(term, deadline)), None) if term else None

    def tell(self, proposal: Proposal, opinion: Opinion, deadline: Deadline) -> None:
        """Comment once, when all is known."""
        if not opinion.done:
            return
        now = self.find(proposal.number, deadline)
        if now and any(mark(opinion) in remark.text for remark in now.remarks):
            return
        said = self.manner.said(opinion, self.clock.now())
        change = quote(f"{proposal.project}~{proposal.number}", safe="~")
        self.api.post(f"/a/changes/{change}/revisions/{proposal.sha}/review", deadline, said)

    def listen(
        self, heard: Callable[[str], None], missed: Callable[[], None], over: Callable[[], bool]
    ) -> None:
        """Look at everything every half minute."""
        self.inbox.listen(heard, missed, over)

    def _query(self, term: str, deadline: Deadline) -> tuple[Proposal, ...]:
        found: list[Proposal] = []
        start = 0
        more = True
        while more:
            path = f"/a/changes/?q={quote(term)}&n={_PAGE}&S={start}&{_FIELDS}"
            rows = self.api.get(path, deadline) or []
            outside = not self.manner.trust
            made = (changes.from_rest(row, self.api.url, outside=outside) for row in rows)
            found += [proposal for proposal in made if proposal]
            more = bool(rows) and bool(rows[-1].get("_more_changes"))
            start += len(rows)
        return tuple(found)

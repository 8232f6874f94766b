"""GitHub: pull requests by REST and hooks, commit statuses or check runs out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.drivers.review import signatures
from orchestrator.drivers.review.github_checks import Checks
from orchestrator.drivers.review.web import Api, Inbox
from orchestrator.model.review import CellOpinion, Fate, Opinion, Proposal, Remark
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.review import Delivery

_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_NAME = re.compile(r"(?:https://[^/]+/)?([\w.-]+/[\w.-]+)(?:/pull/|#)(\d+)/?")
_STATES = {
    None: "pending",
    Verdict.PASSED: "success",
    Verdict.SKIPPED: "success",
    Verdict.FAILED: "failure",
}
#: characters that a status's description may have
_LONGEST = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """`ports.review.Review` over GitHub's API; statuses are `NAME/ARCH`."""

    name: str
    api: Api
    #: where people see its pages, e.g. `https://github.com`
    pages: str
    projects: tuple[str, ...]
    secret: Secret
    #: check runs instead of statuses
    checks: Checks | None = None
    inbox: Inbox = field(default_factory=Inbox)

    def proposals(self, deadline: Deadline) -> tuple[Proposal, ...]:
        """Return every open pull request of our repositories."""
        return tuple(
            self._whole(project, row, deadline)
            for project in self.projects
            for row in self.api.pages(f"/repos/{project}/pulls", deadline, state="open")
        )

    def find(self, name: str, deadline: Deadline) -> Proposal | None:
        """Return the pull request of an address or of `owner/repo#number`."""
        found = _NAME.fullmatch(name)
        ours = not name.startswith("https:") or name.startswith(f"{self.pages}/")
        if not found or not ours:
            return None
        project, number = found.groups()
        row = self.api.get(f"/repos/{project}/pulls/{number}", deadline)
        return self._whole(project, row, deadline) if row else None

    def tell(self, proposal: Proposal, opinion: Opinion, deadline: Deadline) -> None:
        """Set the status of each arch, or its check run; equal ones replace each other."""
        if self.checks:
            self.checks.tell(proposal, opinion, deadline)
            return
        path = f"/repos/{proposal.project}/statuses/{proposal.sha}"
        if opinion.refusal:
            said = _cut(opinion.refusal)
            body = {"state": "error", "description": said, "context": self.name}
            self.api.post(path, deadline, {**body, "target_url": opinion.url})
        for cell in opinion.cells:
            body = {
                "state": _STATES.get(cell.verdict, "error"),
                "target_url": cell.url,
                "description": _cut(_sentence(cell)),
                "context": f"{self.name}/{cell.arch}",
            }
            self.api.post(path, deadline, body)

    def listen(
        self, heard: Callable[[str], None], missed: Callable[[], None], over: Callable[[], bool]
    ) -> None:
        """Hand on what the hook brings, and look at everything now and then."""
        self.inbox.listen(heard, missed, over)

    def hint(self, name: str) -> None:
        """Let whoever listens hear of it."""
        self.inbox.hints.put(name)

    def check(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what was sent; raise `Denied` unless it is signed, and fresh."""
        signatures.github(self.secret, headers, body)
        told = signatures.payload(body)
        subject = told.get("pull_request") or told.get("issue") or {}
        signatures.fresh((told.get("comment") or subject).get("updated_at"))
        project = (told.get("repository") or {}).get("full_name", "")
        number = subject.get("number")
        hint = f"{project}#{number}" if number and project in self.projects else ""
        return Delivery(id=signatures.digest(body), hint=hint)

    def _whole(self, project: str, row: Mapping[str, Any], deadline: Deadline) -> Proposal:
        number = row["number"]
        said = self.api.pages(f"/repos/{project}/issues/{number}/comments", deadline)
        head = row["head"]
        merged = bool(row.get("merged_at"))
        closed = Fate.MERGED if merged else Fate.ABANDONED
        return Proposal(
            project=project,
            number=f"{project}#{number}",
            sha=str(head["sha"]),
            ref=f"refs/pull/{number}/head",
            branch=str(row["base"]["ref"]),
            fate=Fate.OPEN if row["state"] == "open" else closed,
            author=str((row.get("user") or {}).get("login", "somebody")),
            message=str(row.get("body") or ""),
            url=str(row["html_url"]),
            outside=(head.get("repo") or {}).get("full_name") != project,
            draft=bool(row.get("draft")),
            remarks=tuple(map(_remark, said)),
        )


def _remark(row: Mapping[str, Any]) -> Remark:
    return Remark(
        id=str(row["id"]),
        author=str((row.get("user") or {}).get("login", "somebody")),
        text=str(row.get("body") or ""),
        trusted=row.get("author_association") in _TRUSTED,
    )


def _sentence(cell: CellOpinion) -> str:
    voting = "" if cell.voting else " (non-voting)"
    if cell.verdict is None:
        return f"under way{voting}"
    cause = " ".join(cell.cause.split())
    return f"{cell.verdict}{voting}" + (f": {cause}" if cause else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

"""GitLab: merge requests by REST and hooks, commit statuses out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from orchestrator.drivers.review import signatures
from orchestrator.drivers.review.web import Api, Inbox
from orchestrator.model.review import Fate, Opinion, Proposal, Remark
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.review import Delivery

_NAME = re.compile(r"(?:https://[^/]+/)?([\w./-]+?)(?:/-/merge_requests/|!)(\d+)/?")
_STATES = {
    None: "running",
    Verdict.PASSED: "success",
    Verdict.SKIPPED: "success",
    Verdict.CANCELLED: "canceled",
}
_FATES = {"opened": Fate.OPEN, "locked": Fate.OPEN, "merged": Fate.MERGED}
#: who may push to a project
_DEVELOPER = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLab:
    """`ports.review.Review` over GitLab's API; statuses are `NAME/ARCH`."""

    name: str
    api: Api
    #: where people see its pages
    pages: str
    projects: tuple[str, ...]
    secret: Secret
    inbox: Inbox = field(default_factory=Inbox)

    def proposals(self, deadline: Deadline) -> tuple[Proposal, ...]:
        """Return every open merge request of our projects."""
        return tuple(
            self._whole(project, row, deadline)
            for project in self.projects
            for row in self.api.pages(f"{_path(project)}/merge_requests", deadline, state="opened")
        )

    def find(self, name: str, deadline: Deadline) -> Proposal | None:
        """Return the merge request of an address or of `group/project!number`."""
        found = _NAME.fullmatch(name)
        ours = not name.startswith("https:") or name.startswith(f"{self.pages}/")
        if not found or not ours:
            return None
        project, number = found.groups()
        row = self.api.get(f"{_path(project)}/merge_requests/{number}", deadline)
        return self._whole(project, row, deadline) if row else None

    def tell(self, proposal: Proposal, opinion: Opinion, deadline: Deadline) -> None:
        """Set the status of each arch; equal ones replace each other."""
        path = f"{_path(proposal.project)}/statuses/{proposal.sha}"
        if opinion.refusal:
            body = {"state": "failed", "name": self.name, "description": opinion.refusal[:255]}
            self.api.post(path, deadline, {**body, "target_url": opinion.url})
        for cell in opinion.cells:
            # An arch without a vote must not stop a merge: GitLab knows no status that may fail.
            state = _STATES.get(cell.verdict, "failed" if cell.voting else "success")
            said = f"{cell.verdict or 'under way'} {' '.join(cell.cause.split())}".strip()
            body = {
                "state": state,
                "name": f"{self.name}/{cell.arch}",
                "description": said[:255],
                "target_url": cell.url,
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
        """Return what was sent; raise `Denied` unless it is signed or has the token, and is new."""
        if headers.get("webhook-signature"):
            signatures.standard(self.secret, headers, body)
        else:
            signatures.token(self.secret, headers.get("x-gitlab-token", ""))
        told = signatures.payload(body)
        about = told.get("object_attributes") or {}
        signatures.fresh(about.get("updated_at"))
        project = (told.get("project") or {}).get("path_with_namespace", "")
        number = (told.get("merge_request") or about).get("iid")
        hint = f"{project}!{number}" if number and project in self.projects else ""
        return Delivery(id=signatures.digest(body), hint=hint)

    def _whole(self, project: str, row: Mapping[str, Any], deadline: Deadline) -> Proposal:
        number = row["iid"]
        said = self.api.pages(f"{_path(project)}/merge_requests/{number}/notes", deadline)
        asked = {
            _author(one)["id"] for one in said if _remark(one, trusted=True).recheck is not None
        }
        trusted = {who for who in asked if self._trusted(project, who, deadline)}
        return Proposal(
            project=project,
            number=f"{project}!{number}",
            sha=str(row["sha"]),
            ref=f"refs/merge-requests/{number}/head",
            branch=str(row["target_branch"]),
            fate=_FATES.get(str(row["state"]), Fate.ABANDONED),
            author=str(_author(row).get("username", "somebody")),
            message=str(row.get("description") or ""),
            url=str(row["web_url"]),
            outside=row.get("source_project_id") != row.get("target_project_id"),
            draft=bool(row.get("draft")),
            remarks=tuple(
                _remark(one, trusted=_author(one)["id"] in trusted)
                for one in sorted(said, key=lambda one: int(one["id"]))
                if not one.get("system")
            ),
        )

    def _trusted(self, project: str, user: int, deadline: Deadline) -> bool:
        found = self.api.get(f"{_path(project)}/members/all/{user}", deadline)
        return bool(found) and int(found.get("access_level", 0)) >= _DEVELOPER


def _path(project: str) -> str:
    return f"/projects/{quote(project, safe='')}"


def _author(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row.get("author") or {"id": 0}


def _remark(row: Mapping[str, Any], *, trusted: bool) -> Remark:
    return Remark(
        id=str(row["id"]),
        author=str(_author(row).get("username", "somebody")),
        text=str(row.get("body") or ""),
        trusted=trusted,
    )

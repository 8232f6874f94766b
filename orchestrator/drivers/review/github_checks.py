"""GitHub's check runs, which only an App may write: one for each arch of a revision."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from orchestrator.drivers.review.web import Api
from orchestrator.model.errors import ConfigError, Undelivered
from orchestrator.model.review import CellOpinion, Opinion, Proposal
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline

#: a token lives for an hour; one that is about to end is not begun with
_SPARE = timedelta(minutes=5)
#: how far our clock may be ahead of GitHub's, and how long we may ask for tokens with one signature
_SKEW = timedelta(minutes=1)
_ASKING = timedelta(minutes=8)
#: `neutral` lets a merge through, so only archs without a vote come to that
_CONCLUSIONS = {
    Verdict.PASSED: "success",
    Verdict.SKIPPED: "skipped",
    Verdict.FAILED: "failure",
    Verdict.CANCELLED: "cancelled",
}
_NOBODY_COULD_TELL = "action_required"
_GREEN = frozenset({Verdict.PASSED, Verdict.SKIPPED})
#: characters that a summary may have
_LONGEST = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A GitHub App that is installed where our projects are."""

    id: str
    #: its private key, in PEM
    key: Secret
    url: str
    _tokens: dict[str, tuple[Secret, datetime]] = field(default_factory=dict, repr=False)

    def api(self, project: str, deadline: Deadline) -> Api:
        """Return the API, spoken to as the App's installation at the project."""
        now = datetime.now(UTC)
        token, until = self._tokens.get(project, (Secret(""), now))
        if until - _SPARE <= now:
            token, until = self._tokens[project] = self._minted(project, now, deadline)
        return _api(self.url, token)

    def signed(self, now: datetime) -> Secret:
        """Return what proves that we are the App; raise `ConfigError` for a key that is none."""
        told = {
            "iat": int((now - _SKEW).timestamp()),
            "exp": int((now + _ASKING).timestamp()),
            "iss": self.id,
        }
        text = f"{_packed({'alg': 'RS256', 'typ': 'JWT'})}.{_packed(told)}"
        signature = self._private().sign(text.encode(), PKCS1v15(), SHA256())
        return Secret(f"{text}.{_base64(signature)}")

    def _minted(self, project: str, now: datetime, deadline: Deadline) -> tuple[Secret, datetime]:
        api = _api(self.url, self.signed(now))
        found = api.get(f"/repos/{project}/installation", deadline)
        if not found:
            raise Undelivered(f"the App {self.id} is not installed at {project}: install it there")
        made = api.post(f"/app/installations/{found['id']}/access_tokens", deadline, {})
        return Secret(made["token"]), datetime.fromisoformat(made["expires_at"])

    def _private(self) -> RSAPrivateKey:
        try:
            key = load_pem_private_key(self.key.reveal().encode(), None)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"the key of the App {self.id} is no private key in PEM") from error
        if not isinstance(key, RSAPrivateKey):
            raise ConfigError(f"the key of the App {self.id} is no RSA key, as GitHub makes them")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Opinions as check runs, `NAME/ARCH`."""

    name: str
    app: App

    def tell(self, proposal: Proposal, opinion: Opinion, deadline: Deadline) -> None:
        """Write a check run for each arch; a repeat finds its own by `external_id`."""
        write = partial(self._write, proposal, deadline=deadline)
        if opinion.refusal:
            write(_refused(self.name, opinion))
        for cell in opinion.cells:
            write(_judged(f"{self.name}/{cell.arch}", f"{opinion.key}: {cell.arch}", cell))

    def _write(self, proposal: Proposal, run: Mapping[str, object], *, deadline: Deadline) -> None:
        api = self.app.api(proposal.project, deadline)
        path = f"/repos/{proposal.project}"
        seen = api.get(
            f"{path}/commits/{proposal.sha}/check-runs",
            deadline,
            check_name=str(run["name"]),
            filter="all",
            per_page=100,
        )
        ours = [
            known["id"]
            for known in (seen or {}).get("check_runs", ())
            if known.get("external_id") == run["external_id"]
        ]
        if ours:
            api.patch(f"{path}/check-runs/{quote(str(ours[0]))}", deadline, run)
        else:
            api.post(f"{path}/check-runs", deadline, {**run, "head_sha": proposal.sha})


def _judged(name: str, key: str, cell: CellOpinion) -> dict[str, object]:
    voting = "" if cell.voting else " (non-voting)"
    title = f"{cell.verdict or 'under way'}{voting}"
    run: dict[str, object] = {
        "name": name,
        "external_id": key,
        "details_url": cell.url,
        "status": "completed" if cell.verdict else "in_progress",
        "output": {"title": title, "summary": (cell.cause or title)[:_LONGEST]},
    }
    return {**run, "conclusion": _conclusion(cell)} if cell.verdict else run


def _conclusion(cell: CellOpinion) -> str:
    if not cell.voting and cell.verdict not in _GREEN:
        return "neutral"
    return _CONCLUSIONS.get(cell.verdict or Verdict.BROKEN, _NOBODY_COULD_TELL)


def _refused(name: str, opinion: Opinion) -> dict[str, object]:
    return {
        "name": name,
        "external_id": opinion.key,
        "details_url": opinion.url,
        "status": "completed",
        "conclusion": _NOBODY_COULD_TELL,
        "output": {"title": "it was not run", "summary": opinion.refusal[:_LONGEST]},
    }


def _api(url: str, token: Secret) -> Api:
    return Api(url=url, headers={"Authorization": f"Bearer {token.reveal()}"})


def _packed(told: Mapping[str, object]) -> str:
    return _base64(json.dumps(told, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

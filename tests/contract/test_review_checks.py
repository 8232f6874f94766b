"""GitHub's check runs: what is told, by whom, and that a repeat finds its own."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.review.github import GitHub
from orchestrator.drivers.review.github_checks import App, Checks
from orchestrator.drivers.review.web import Api
from orchestrator.model.errors import ConfigError, Undelivered
from orchestrator.model.review import CellOpinion, Fate, Opinion, Proposal
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline
from tests.contract.review_servers import Served, serving

SHA = "a" * 40
PROPOSAL = Proposal(
    project="o/nova",
    number="o/nova#5",
    sha=SHA,
    ref="refs/pull/5/head",
    branch="main",
    fate=Fate.OPEN,
    author="ann",
    message="",
    url="https://github.com/o/nova/pull/5",
)
CELL = CellOpinion(
    arch="kvm-flat",
    voting=True,
    url="https://ci.example.com/cells/1/kvm-flat",
    verdict=Verdict.FAILED,
    blame=None,
    cause="x" * 300,
    seconds=250,
)


def soon() -> Deadline:
    return Deadline(SystemClock(), 60)


@cache
def _key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def pem(key: Any) -> Secret:  # noqa: ANN401  # any kind of key
    return Secret(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()
    )


def opinion(*cells: CellOpinion, round_: int = 1, **changes: Any) -> Opinion:  # noqa: ANN401
    key = f"run 1, round {round_}"
    return Opinion(key=key, url="https://ci.example.com/runs/1", cells=cells, **changes)


@dataclass
class Hub:
    """GitHub's side: an App that is installed, and the check runs that it wrote."""

    served: Served
    key: RSAPrivateKey = field(default_factory=_key)
    runs: list[dict[str, Any]] = field(default_factory=list)
    #: seconds that a token lives
    life: float = 3600
    minted: int = 0

    def __post_init__(self) -> None:
        answers, made = self.served.answers, self.served.made
        answers["/repos/o/nova/installation"] = {"id": 9}
        answers[f"/repos/o/nova/commits/{SHA}/check-runs"] = {"check_runs": self.runs}
        made["/app/installations/9/access_tokens"] = self._mint
        made["/repos/o/nova/check-runs"] = self._make

    def client(self) -> GitHub:
        """Return what a process has that just started."""
        app = App(id="12", key=pem(self.key), url=self.served.url)
        return GitHub(
            name="acme",
            api=Api(url=self.served.url, headers={"Authorization": "Bearer reads"}),
            pages="https://github.com",
            projects=("o/nova",),
            secret=Secret("s"),
            checks=Checks(name="acme", app=app),
        )

    def written(self) -> list[dict[str, Any]]:
        """Return the check runs that were posted."""
        return [body for path, body in self.served.posts if path == "/repos/o/nova/check-runs"]

    def _mint(self, _body: dict[str, Any]) -> dict[str, Any]:
        self.minted += 1
        until = datetime.now(UTC) + timedelta(seconds=self.life)
        return {"token": f"ghs_{self.minted}", "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}"}

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        self.runs.append({**body, "id": 100 + len(self.runs)})
        return self.runs[-1]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as served:
        yield Hub(served)


def test_a_check_run_is_begun_and_completed_by_whichever_process(hub: Hub) -> None:
    hub.client().tell(PROPOSAL, opinion(replace(CELL, verdict=None)), soon())
    for _ in range(2):
        hub.client().tell(PROPOSAL, opinion(CELL), soon())
    (begun,) = hub.written()
    assert (begun["name"], begun["head_sha"]) == ("acme/kvm-flat", SHA)
    assert (begun["status"], "conclusion" in begun) == ("in_progress", False)
    assert begun["details_url"] == CELL.url
    assert [path for path, _ in hub.served.patches] == ["/repos/o/nova/check-runs/100"] * 2
    for _, body in hub.served.patches:
        assert (body["status"], body["conclusion"]) == ("completed", "failure")
        assert body["output"] == {"title": "failed", "summary": CELL.cause}
        assert body["external_id"] == begun["external_id"]
    assert not [path for path, _ in hub.served.posts if "statuses" in path]


def test_a_recheck_is_another_check_run_and_so_is_another_s_of_that_name(hub: Hub) -> None:
    hub.runs.append({"id": 1, "name": "acme/kvm-flat", "external_id": "somebody's"})
    hub.client().tell(PROPOSAL, opinion(CELL), soon())
    hub.client().tell(PROPOSAL, opinion(CELL, round_=2), soon())
    assert len({run["external_id"] for run in hub.written()}) == 2
    assert hub.served.patches == []


@pytest.mark.parametrize(
    ("verdict", "voting", "conclusion"),
    [
        (Verdict.PASSED, True, "success"),
        (Verdict.SKIPPED, True, "skipped"),
        (Verdict.FAILED, True, "failure"),
        (Verdict.BROKEN, True, "action_required"),
        (Verdict.CANCELLED, True, "cancelled"),
        (Verdict.PASSED, False, "success"),
        (Verdict.FAILED, False, "neutral"),
        (Verdict.BROKEN, False, "neutral"),
    ],
)
def test_each_verdict_has_its_conclusion(
    hub: Hub, verdict: Verdict, voting: bool, conclusion: str
) -> None:
    cell = replace(CELL, verdict=verdict, voting=voting, cause="")
    hub.client().tell(PROPOSAL, opinion(cell), soon())
    (made,) = hub.written()
    assert made["conclusion"] == conclusion
    assert ("(non-voting)" in made["output"]["title"]) is not voting


def test_a_refusal_is_a_check_run_that_lets_nothing_through(hub: Hub) -> None:
    hub.client().tell(PROPOSAL, opinion(refusal="it comes from a fork"), soon())
    (made,) = hub.written()
    assert (made["name"], made["conclusion"]) == ("acme", "action_required")
    assert made["output"]["summary"] == "it comes from a fork"


def test_the_app_signs_for_its_tokens_and_asks_for_one_an_hour(hub: Hub) -> None:
    client = hub.client()
    for round_ in (1, 2):
        client.tell(PROPOSAL, opinion(CELL, round_=round_), soon())
    assert hub.minted == 1
    assert "Bearer ghs_1" in hub.served.authorizations
    (signed,) = (said for said in hub.served.authorizations if said.count(".") == 2)
    head, told, signature = signed.removeprefix("Bearer ").split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    hub.key.public_key().verify(raw, f"{head}.{told}".encode(), PKCS1v15(), SHA256())
    claims = json.loads(base64.urlsafe_b64decode(told + "=="))
    assert (claims["iss"], claims["exp"] - claims["iat"] <= 600) == ("12", True)
    assert "ghs_" not in repr(client)


def test_a_token_that_is_about_to_end_is_replaced(hub: Hub) -> None:
    hub.life = 60
    client = hub.client()
    for round_ in (1, 2):
        client.tell(PROPOSAL, opinion(CELL, round_=round_), soon())
    assert hub.minted > 1
    assert len(hub.runs) == 2


def test_an_app_that_is_not_installed_is_said_to_be_so(hub: Hub) -> None:
    del hub.served.answers["/repos/o/nova/installation"]
    with pytest.raises(Undelivered, match="not installed at o/nova"):
        hub.client().tell(PROPOSAL, opinion(CELL), soon())


@pytest.mark.parametrize("kind", ["text", "elliptic"])
def test_a_key_that_cannot_sign_is_refused_and_not_shown(kind: str) -> None:
    key = Secret("hunter2") if kind == "text" else pem(elliptic(SECP256R1()))
    with pytest.raises(ConfigError, match="key of the App 12") as raised:
        App(id="12", key=key, url="http://127.0.0.1:9").signed(datetime.now(UTC))
    assert key.reveal() not in str(raised.value)

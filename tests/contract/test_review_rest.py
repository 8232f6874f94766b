"""Gerrit by REST, GitHub and GitLab: what is read, what is told, which calls are refused."""

import base64
import hmac
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Reference

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.review.gerrit import Manner
from orchestrator.drivers.review.gerrit_rest import GerritRest
from orchestrator.drivers.review.github import GitHub
from orchestrator.drivers.review.gitlab import GitLab
from orchestrator.drivers.review.web import Api, Inbox
from orchestrator.model.errors import Denied, Undelivered
from orchestrator.model.review import CellOpinion, Fate, Opinion
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.service.asker import Rules
from tests.contract.review_servers import Served, serving
from tests.unit.web_house import furnish

OLD = (datetime.now(UTC) - timedelta(hours=3)).isoformat()


def soon(seconds: float = 60) -> Deadline:
    return Deadline(SystemClock(), seconds)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


def opinion(verdict: Verdict | None = Verdict.FAILED) -> Opinion:
    cell = CellOpinion(
        arch="kvm-flat",
        voting=True,
        url="https://ci.example.com/cells/1/kvm-flat",
        verdict=verdict,
        blame=Blame.PRODUCT,
        cause="x" * 300,
        seconds=250,
    )
    return Opinion(key="run 1, round 1", url="https://ci.example.com/runs/1", cells=(cell,))


def github(served: Served) -> GitHub:
    return GitHub(
        name="acme",
        api=Api(url=served.url, headers={"Authorization": "Bearer t"}),
        pages="https://github.com",
        projects=("o/nova",),
        secret=Secret(secrets.token_hex(16)),
    )


def pull(served: Served, fork: str = "o/nova", **changes: object) -> None:
    row: dict[str, Any] = {
        "number": 5,
        "state": "open",
        "user": {"login": "ann"},
        "body": "Depends-On: https://github.com/o/glance/pull/3",
        "html_url": "https://github.com/o/nova/pull/5",
        "head": {"sha": "a" * 40, "repo": {"full_name": fork}},
        "base": {"ref": "main"},
    }
    served.answers["/repos/o/nova/pulls/5"] = row | changes
    served.answers["/repos/o/nova/pulls"] = [row | changes]
    served.answers["/repos/o/nova/issues/5/comments"] = [
        {"id": 1, "user": {"login": "eve"}, "body": "recheck", "author_association": "NONE"},
        {"id": 2, "user": {"login": "bob"}, "body": "recheck", "author_association": "MEMBER"},
    ]


def test_a_pull_request_is_read(served: Served) -> None:
    pull(served)
    (found,) = github(served).proposals(soon())
    assert (found.number, found.ref, found.fate) == ("o/nova#5", "refs/pull/5/head", Fate.OPEN)
    assert not found.outside
    assert [remark.trusted for remark in found.remarks] == [False, True]
    assert found.depends == ("https://github.com/o/glance/pull/3",)
    assert github(served).find("https://github.com/o/nova/pull/5", soon()) == found
    assert github(served).find("https://elsewhere.example.com/o/nova/pull/5", soon()) is None
    assert served.authorizations == {"Bearer t"}


@pytest.mark.parametrize("fork", ["eve/nova", None])
def test_a_fork_is_outside(served: Served, fork: str | None) -> None:
    pull(served, head={"sha": "a" * 40, "repo": {"full_name": fork} if fork else None})
    assert github(served).proposals(soon())[0].outside


def test_github_is_told_by_a_status_for_each_arch(served: Served) -> None:
    pull(served)
    client = github(served)
    (proposal,) = client.proposals(soon())
    for verdict in (None, Verdict.FAILED, Verdict.BROKEN, Verdict.PASSED):
        client.tell(proposal, opinion(verdict), soon())
    assert {path for path, _ in served.posts} == {f"/repos/o/nova/statuses/{'a' * 40}"}
    states = [body["state"] for _, body in served.posts]
    assert states == ["pending", "failure", "error", "success"]
    for _, body in served.posts:
        assert body["context"] == "acme/kvm-flat"
        assert len(body["description"]) <= 140


def signed(client: GitHub, told: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    body = json.dumps(told).encode()
    made = hmac.new(client.secret.reveal().encode(), body, sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={made}", "x-github-delivery": "d1"}, body


def now() -> str:
    """Return the time of the test, not that of the suite's start: signatures get old."""
    return datetime.now(UTC).isoformat()


def told(updated: str = "", project: str = "o/nova") -> dict[str, Any]:
    return {
        "repository": {"full_name": project},
        "pull_request": {"number": 5, "updated_at": updated or now()},
    }


def test_a_call_of_github_that_is_signed_is_heard(served: Served) -> None:
    client = github(served)
    assert client.check(*signed(client, told())).hint == "o/nova#5"
    assert client.check(*signed(client, told(project="o/other"))).hint == ""


@pytest.mark.parametrize("what", ["body", "secret", "none", "sha1", "late", "no time", "no JSON"])
def test_a_call_of_github_that_is_wrong_is_refused(served: Served, what: str) -> None:
    client = github(served)
    headers, body = signed(client, told())
    match what:
        case "body":
            body = body.replace(b"5", b"6", 1)
        case "secret":
            headers, body = signed(github(served), told())
        case "none":
            headers = {}
        case "sha1":
            headers = {"x-hub-signature": headers["x-hub-signature-256"]}
        case "late":
            headers, body = signed(client, told(OLD))
        case "no time":
            headers, body = signed(client, told("yesterday"))
        case "no JSON":
            body = b"[1]"
            made = hmac.new(client.secret.reveal().encode(), body, sha256).hexdigest()
            headers = {"x-hub-signature-256": f"sha256={made}"}
    with pytest.raises(Denied):
        client.check(headers, body)


def gitlab(served: Served, secret: str = "") -> GitLab:
    return GitLab(
        name="acme",
        api=Api(url=served.url),
        pages="https://gitlab.example.com",
        projects=("g/nova",),
        secret=Secret(secret or secrets.token_hex(16)),
    )


def merge_request(served: Served, source: int = 1) -> None:
    row: dict[str, Any] = {
        "iid": 5,
        "state": "opened",
        "sha": "b" * 40,
        "author": {"id": 9, "username": "ann"},
        "description": "Boot faster",
        "target_branch": "main",
        "web_url": "https://gitlab.example.com/g/nova/-/merge_requests/5",
        "source_project_id": source,
        "target_project_id": 1,
    }
    served.answers["/projects/g/nova/merge_requests"] = [row]
    served.answers["/projects/g/nova/merge_requests/5"] = row
    served.answers["/projects/g/nova/merge_requests/5/notes"] = [
        {"id": 2, "author": {"id": 8, "username": "bob"}, "body": "recheck"},
        {"id": 1, "author": {"id": 7, "username": "eve"}, "body": "recheck"},
        {"id": 3, "author": {"id": 8, "username": "bob"}, "body": "pushed", "system": True},
    ]
    served.answers["/projects/g/nova/members/all/8"] = {"access_level": 40}
    served.answers["/projects/g/nova/members/all/7"] = {"access_level": 10}


def test_a_merge_request_is_read(served: Served) -> None:
    merge_request(served)
    (found,) = gitlab(served).proposals(soon())
    assert (found.number, found.outside) == ("g/nova!5", False)
    assert [(r.author, r.trusted) for r in found.remarks] == [("eve", False), ("bob", True)]
    address = "https://gitlab.example.com/g/nova/-/merge_requests/5"
    assert gitlab(served).find(address, soon()) == found
    merge_request(served, source=2)
    assert gitlab(served).proposals(soon())[0].outside


def test_gitlab_is_told_by_a_status_for_each_arch(served: Served) -> None:
    merge_request(served)
    client = gitlab(served)
    (proposal,) = client.proposals(soon())
    for verdict in (None, Verdict.FAILED, Verdict.PASSED, Verdict.CANCELLED):
        client.tell(proposal, opinion(verdict), soon())
    assert {path for path, _ in served.posts} == {f"/projects/g/nova/statuses/{'b' * 40}"}
    states = [body["state"] for _, body in served.posts]
    assert states == ["running", "failed", "success", "canceled"]


def note(updated: str = "") -> bytes:
    return json.dumps(
        {
            "project": {"path_with_namespace": "g/nova"},
            "merge_request": {"iid": 5},
            "object_attributes": {"updated_at": updated or now()},
        }
    ).encode()


def test_a_call_of_gitlab_needs_its_token(served: Served) -> None:
    client = gitlab(served)
    good = {"x-gitlab-token": client.secret.reveal()}
    assert client.check(good, note()).hint == "g/nova!5"
    for headers in ({}, {"x-gitlab-token": "wrong"}):
        with pytest.raises(Denied):
            client.check(headers, note())
    with pytest.raises(Denied, match="late"):
        client.check(good, note(OLD))


def test_a_call_of_gitlab_may_be_signed_instead(served: Served) -> None:
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    client, body = gitlab(served, secret), note()

    def headers(age: float, of: bytes = body) -> dict[str, str]:
        when = datetime.now(UTC) - timedelta(seconds=age)
        signature = Reference(secret).sign("m1", when, of.decode())
        stamp = str(int(when.timestamp()))
        return {
            "webhook-id": "m1",
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,bm90aGluZw== {signature}",
        }

    assert client.check(headers(0), body).hint == "g/nova!5"
    with pytest.raises(Denied, match="late"):
        client.check(headers(600), body)
    with pytest.raises(Denied, match="signature"):
        client.check(headers(0, note(OLD)), body)


def gerrit(served: Served) -> GerritRest:
    served.guard = ")]}'\n"
    manner = Manner(name="acme", projects=("nova",), contact="ci@example.com", label="Verified")
    api = Api(url=served.url, user="acme-ci", password=Secret("pw"))
    return GerritRest(api=api, manner=manner, clock=SystemClock())


def change(served: Served) -> dict[str, Any]:
    row: dict[str, Any] = {
        "project": "nova",
        "branch": "main",
        "_number": 7,
        "status": "NEW",
        "owner": {"username": "ann"},
        "current_revision": "c" * 40,
        "revisions": {
            "c" * 40: {
                "_number": 2,
                "ref": "refs/changes/07/7/2",
                "commit": {"message": "Boot faster"},
            }
        },
        "messages": [
            {"date": "x", "author": {"username": "bob"}, "message": "Patch Set 2:\n\nrecheck"}
        ],
    }
    served.answers["/a/changes/"] = [row]
    return row


def test_a_change_is_read_and_commented_on_once_by_rest(served: Served) -> None:
    row = change(served)
    client = gerrit(served)
    (found,) = client.proposals(soon())
    assert (found.number, found.revision, found.sha) == ("7", 2, "c" * 40)
    assert found.remarks[0].recheck == ()
    assert client.find("7", soon()) == found
    client.tell(found, opinion(None), soon())
    assert served.posts == []
    client.tell(found, opinion(), soon())
    ((path, body),) = served.posts
    assert path == f"/a/changes/nova~7/revisions/{'c' * 40}/review"
    assert body["labels"] == {"Verified": -1}
    assert (
        "- kvm-flat https://ci.example.com/cells/1/kvm-flat : FAILURE in 4m 10s"
        in body["message"].splitlines()
    )
    row["messages"].append({"message": f"Patch Set 2:\n\n{body['message']}"})
    client.tell(found, opinion(), soon())
    assert len(served.posts) == 1


@pytest.mark.parametrize("status", [401, 500])
def test_a_server_that_refuses_is_our_error(served: Served, status: int) -> None:
    pull(served)
    change(served)
    merge_request(served)
    served.status = status
    for client in (github(served), gitlab(served), gerrit(served)):
        with pytest.raises(Undelivered, match=str(status)):
            client.proposals(soon())
    assert "pw" not in repr(gerrit(served))


def test_hints_are_heard_in_order_after_a_look_at_everything() -> None:
    inbox, heard = Inbox(every=3600), []
    for number in range(3):
        inbox.hints.put(str(number))
    inbox.listen(heard.append, lambda: heard.append("all"), lambda: len(heard) == 4)
    assert heard == ["all", "0", "1", "2"]


def test_a_call_is_taken_once_over_http(served: Served, tmp_path: Path) -> None:
    client = github(served)
    with furnish(tmp_path) as home:
        home.house.reviewing.asker.systems["acme"] = client  # type: ignore[index]
        headers, body = signed(client, told())
        answer = home.client().post("/hooks/acme", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (202, {"heard": "o/nova#5"})
        again = {**headers, "x-github-delivery": "another"}
        assert home.client().post("/hooks/acme", content=body, headers=again).status_code == 409
        wrong = {"x-hub-signature-256": "sha256=00"}
        assert home.client().post("/hooks/acme", content=body, headers=wrong).status_code == 403
        late = signed(client, told(OLD))
        answer = home.client().post("/hooks/acme", content=late[1], headers=late[0])
        assert answer.status_code == 403
        assert home.client().post("/hooks/none", content=body, headers=headers).status_code == 404
        assert client.inbox.hints.get_nowait() == "o/nova#5"
        assert client.inbox.hints.empty()


def test_a_fork_waits_for_somebody_who_may_write(served: Served, tmp_path: Path) -> None:
    pull(served, fork="eve/nova")
    comments = served.answers["/repos/o/nova/issues/5/comments"]
    trusted = comments.pop()
    with furnish(tmp_path) as home:
        asker = home.house.reviewing.asker
        client = github(served)
        proposal = client.find("o/nova#5", soon())
        assert proposal
        rules = Rules(name="acme", projects={"o/nova": home.repo}, archs=("kvm-flat",))
        asker.systems["acme"] = client  # type: ignore[index]
        asker.rules["acme"] = rules  # type: ignore[index]
        home.house.reviewing.look_at("acme", "o/nova#5")
        assert home.store.reviews.of("acme", proposal) == ()
        comments.append(trusted)
        home.house.reviewing.look_at("acme", "o/nova#5")
        (watched,) = home.store.reviews.of("acme", proposal)
        # Vouched for, but this lab's machines are this host: that trust nobody gave.
        assert watched.said

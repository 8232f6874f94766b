"""Every route as every role, in a lab that shows nothing to strangers: the table is what holds."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from orchestrator.model.access import RIGHTS, Reach, Right, Role
from orchestrator.web import hearing
from orchestrator.web.app import build
from orchestrator.web.rights import NEEDS, Need, On
from tests.unit import people
from tests.unit.web_house import Furnished, furnish

ANYBODY: Role | None = None
STREAMS = frozenset({"GET /api/events", "GET /api/runs/{run}/events"})
#: what each of them is called; `operator` alone is what we call ourselves
NAMES = {role: f"some-{role}" for role in Role}
#: runs 1 (asked for by nobody of them, on kvm), 2 (by the developer) and 3 (on xenserver)
STRANGERS, OWN, XEN = "1", "2", "3"
ARCHS = {STRANGERS: "kvm-flat", OWN: "kvm-flat", XEN: "xenserver-flat"}
_FILLED: Mapping[str, str] = {
    "{number}": "1",
    "{name:path}": "console.log",
    "{name}": "hp",
    "{node}": "n01",
    "{form}": "json",
    "{job}": "kvm-flat",
    "{token}": "nothing",
    "{message}": "nothing",
    "{session}": "nothing",
    "{hook}": "nothing",
    "{waiver}": "1",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as found:
        people.private(found)
        for role in Role:
            people.add(found, NAMES[role], role)
        for run, requester in ((STRANGERS, "eve"), (OWN, NAMES[Role.DEVELOPER]), (XEN, "eve")):
            body = found.body(requester=requester, archs=[ARCHS[run]])
            assert found.writer().post("/api/runs", json=body).json()["run"] == int(run)
        yield found


@pytest.fixture(scope="module")
def tokens(home: Furnished) -> dict[Role, str]:
    return {role: people.token_of(home, NAMES[role], role) for role in Role}


def _routes(app: FastAPI) -> set[str]:
    return {
        f"{method} {context.path}"
        for context in iter_route_contexts(app.routes)
        for method in (getattr(context, "methods", None) or ())
        if method != "HEAD"
    }


def test_every_route_is_in_the_table_and_nothing_else(home: Furnished) -> None:
    routes = _routes(build(home.house))
    forgotten, gone = routes - set(NEEDS), set(NEEDS) - routes
    assert not forgotten, f"say in web/rights.py what these take: {sorted(forgotten)}"
    assert not gone, f"web/rights.py names routes that are not there: {sorted(gone)}"


def test_a_route_that_the_table_forgot_is_refused(home: Furnished) -> None:
    app = build(home.house)
    app.add_api_route("/api/forgotten", lambda: "seen", methods=["GET"])
    transport = httpx.ASGITransport(app)
    right = {"Authorization": f"Bearer {home.house.token.reveal()}"}

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/api/forgotten", headers=right)

    answer = asyncio.run(ask())
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "web/rights.py" in answer.json()["detail"]


def _admitted(answer: httpx.Response) -> bool:
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return False
    if answer.headers.get("location", "").startswith("/sign-in"):
        return False
    if answer.status_code == HTTPStatus.FORBIDDEN:
        formless = "this form is not from a page of ours" in answer.text
        return not formless and not ("may not" in answer.text and " here" in answer.text)
    hidden = answer.status_code == HTTPStatus.NOT_FOUND and "there is nothing for" in answer.text
    return not hidden


def _expected(role: Role | None, need: Need, run: str) -> bool:
    if need.right is None:
        return True
    reach = RIGHTS[role].get(need.right) if role else None
    if reach is None:
        return False
    blind = RIGHTS[role][Right.READ] is not Reach.ALL if role else True
    if blind and need.on in {On.RUN, On.CELL}:
        return False  # none of these is the vendor's: what they may not see, they cannot act on
    if reach is Reach.ALL or need.on is On.ANYTHING:
        return True
    if need.on is On.PARTNER:
        return role is Role.VENDOR
    if need.on not in {On.RUN, On.CELL}:
        return False
    own = role is Role.DEVELOPER and run == OWN
    return own or (role is Role.LIEUTENANT and run != XEN)


def _ask(client: httpx.Client, route: str, run: str, token: str) -> httpx.Response:
    method, _, path = route.partition(" ")
    path = path.replace("{run}", run).replace("{arch}", ARCHS[run])
    for hole, text in _FILLED.items():
        path = path.replace(hole, text)
    headers = {"Accept": "text/html" if not path.startswith("/api") else "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    # What is admitted is refused for its empty body: the crawl changes as little as can be.
    return client.request(method, path, headers=headers, json={} if method == "POST" else None)


@pytest.mark.parametrize("role", [ANYBODY, *Role])
def test_each_role_comes_as_far_as_the_table_says(
    home: Furnished, tokens: dict[Role, str], role: Role | None
) -> None:
    wrong = []
    for route, need in NEEDS.items():
        for run in (STRANGERS, OWN, XEN) if need.on in {On.RUN, On.CELL} else (STRANGERS,):
            # Live updates never end; who may listen is asked before they begin, as everywhere.
            if need.program or (route in STREAMS and _expected(role, need, run)):
                continue
            answer = _ask(home.client(), route, run, tokens[role] if role else "")
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (route, answer.text)
            if route.startswith("POST /sign") or _admitted(answer) == _expected(role, need, run):
                continue
            wrong.append((route, run, answer.status_code, answer.text[:200]))
    assert wrong == []


#: what the table is to say, written down a second time by a person
_MEANT = (
    ("POST /api/nodes/{name}/drain", {Role.OPERATOR, Role.ADMIN}),
    ("POST /api/lab/faults", {Role.OPERATOR, Role.ADMIN}),
    ("GET /api/notices", {Role.OPERATOR, Role.ADMIN}),
    ("POST /api/users", {Role.ADMIN}),
    ("POST /api/users/{name}/role", {Role.ADMIN}),
    ("POST /api/users/{name}/password", {Role.ADMIN}),
    ("GET /api/audit", {Role.ADMIN}),
    ("GET /users", {Role.ADMIN}),
    ("GET /audit", {Role.ADMIN}),
    ("POST /api/runs", set(Role) - {Role.VIEWER}),
    ("POST /api/cells/{run}/{arch}/recheck", set(Role) - {Role.VIEWER}),
    ("POST /api/cells/{run}/{arch}/promote", {Role.LIEUTENANT, Role.OPERATOR, Role.ADMIN}),
    ("POST /api/partner/result", {Role.VENDOR}),
    ("POST /jenkins/createItem", {Role.OPERATOR, Role.ADMIN}),
    ("GET /api/files/{run}/{arch}/{number}/{name:path}", set(Role)),
    ("GET /api/events", set(Role)),
)


@pytest.mark.parametrize(("route", "roles"), _MEANT)
def test_the_table_says_what_is_meant(route: str, roles: set[Role]) -> None:
    right = NEEDS[route].right
    assert {role for role in Role if right in RIGHTS[role]} == roles


def test_nothing_that_changes_is_for_anybody_but_signing_in() -> None:
    open_to_all = {
        route
        for route, need in NEEDS.items()
        if need.right in {None, Right.READ} and not need.program and not route.startswith("GET")
    }
    assert open_to_all == {
        "POST /sign-in",
        "POST /sign-out",
        "POST /sign-in/oidc",
        # the job's own token stands in the call
        "POST /jenkins/buildByToken/buildWithParameters",
        "POST /jenkins/job/{job}/{number}/logText/progressiveText",
    }


def test_who_may_see_it_may_see_it_though_it_is_not_there(
    home: Furnished, tokens: dict[Role, str]
) -> None:
    """A vendor cannot tell what is hidden from what is not there."""
    client = home.client()
    hidden = _ask(client, "GET /api/runs/{run}", STRANGERS, tokens[Role.VENDOR])
    headers = {"Authorization": f"Bearer {tokens[Role.VENDOR]}"}
    absent = client.get("/api/runs/999", headers=headers)
    assert hidden.status_code == absent.status_code == HTTPStatus.NOT_FOUND
    assert hidden.json()["detail"].replace("/1", "/999") == absent.json()["detail"]


def test_a_developer_asks_in_their_own_name(home: Furnished, tokens: dict[Role, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[Role.DEVELOPER]}"}
    body = home.body(requester="admin", key="mine")
    run = home.client().post("/api/runs", json=body, headers=headers).json()
    assert run["requester"] == NAMES[Role.DEVELOPER]
    other = {"Authorization": f"Bearer {tokens[Role.LIEUTENANT]}"}
    again = home.client().post("/api/runs", json=body, headers=other).json()
    assert again["run"] != run["run"], "a guessed key gave somebody else's run"
    trusted = home.client().post("/api/runs", json=body | {"trust_code": True}, headers=headers)
    assert trusted.status_code == HTTPStatus.FORBIDDEN
    assert "only an operator" in trusted.json()["detail"]


def test_files_of_a_house_are_served_to_nobody_in_particular_only_if_it_is_open(
    tmp_path: Path,
) -> None:
    with furnish(tmp_path) as opened:
        page = {"Accept": "text/html"}
        assert opened.client().get("/nodes", headers=page).status_code == HTTPStatus.OK
        people.private(opened)
        for path in ("/", "/nodes", "/runs/1", "/feeds/changes.atom"):
            answer = opened.client().get(path, headers=page | {"Host": "lab.example.org"})
            assert answer.status_code == HTTPStatus.SEE_OTHER
            assert answer.headers["location"].startswith("/sign-in?to=%2F")
        health = opened.client().get("/api/health")
        assert health.status_code == HTTPStatus.OK


def _hear(client: httpx.Client, headers: Mapping[str, str]) -> Iterator[str]:
    """Yield whose events a listener hears, from the first on."""
    url = "/api/events?since=0"
    with client.stream("GET", url, headers=dict(headers), timeout=30) as answer:
        assert answer.status_code == HTTPStatus.OK
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])["attempt"]


def test_a_vendor_hears_of_its_own_cells_as_they_happen_and_of_no_other(
    home: Furnished, tokens: dict[Role, str]
) -> None:
    right = {"Authorization": f"Bearer {tokens[Role.VENDOR]}"}
    before = home.client().post("/api/runs", json=home.body(key="heard"), headers=right).json()
    hearing = _hear(home.client(), right)
    heard = [next(hearing)]
    # a stranger's, then another of its own, while it listens
    assert (
        home.writer().post("/api/runs", json=home.body(requester="eve", key="unheard")).is_success
    )
    again = home.client().post("/api/runs", json=home.body(key="heard too"), headers=right).json()
    while not heard[-1].startswith(f"{again['run']}/"):
        heard.append(next(hearing))
    mine = {str(before["run"]), str(again["run"])}
    assert {attempt.partition("/")[0] for attempt in heard} == mine


def test_a_stream_ends_when_what_opened_it_opens_nothing_any_more(
    home: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(hearing.Listener, "pause", 0.1)
    people.add(home, "noether", Role.VIEWER)
    token = people.token_of(home, "noether", Role.VIEWER)
    right = {"Authorization": f"Bearer {token}"}
    with home.client().stream("GET", "/api/events", headers=right, timeout=30) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        home.house.reception.accounts.disable("noether")
        # it ends by itself: else this waits until its time is up
        assert not [line for line in lines if line.startswith("data: ")]

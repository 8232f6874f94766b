"""The JSON API over a real store."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import NodeState
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.stages.lease import schedule
from tests.unit.web_house import Furnished, furnish


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """A house that nothing is written into."""
    with furnish(tmp_path_factory.mktemp("quiet")) as found:
        yield found


def _problem(answer: httpx.Response, status: HTTPStatus) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "blame", "next"}
    assert problem["status"] == status
    return problem


def _grant(home: Furnished) -> None:
    home.store.queue.grant(schedule, home.clock.now())


def test_a_request_becomes_a_run_with_a_waiting_cell(home: Furnished) -> None:
    answer = home.writer().post("/api/runs", json=home.body(reason="nightly is late"))
    assert answer.status_code == HTTPStatus.CREATED
    run = answer.json()
    assert (run["run"], run["ref"], run["requester"]) == (1, "trunk", "ada")
    assert run["reason"] == "nightly is late"
    assert run["exit"] is None
    assert [(c["cell"], c["state"]) for c in run["cells"]] == [("1/kvm-flat", "waiting")]
    assert home.client().get("/api/runs/1").json() == run
    assert [r["run"] for r in home.client().get("/api/runs").json()] == [1]
    assert home.client().get("/api/runs", params={"repo": "other"}).json() == []
    assert home.engine.woken == 1


def test_the_same_key_gives_the_same_run(home: Furnished) -> None:
    body = home.body(key="one")
    first = home.writer().post("/api/runs", json=body).json()
    assert home.writer().post("/api/runs", json=body).json()["run"] == first["run"]


def test_a_plan_stores_nothing(home: Furnished) -> None:
    plan = home.writer().post("/api/plan", json=home.body(archs=[])).json()
    assert plan["machines"] == 18
    assert plan["pairs_covered"] == plan["pairs_possible"] == 8
    assert home.client().get("/api/runs").json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/runs"),
        ("POST", "/api/plan"),
        ("POST", "/api/runs/1/cancel"),
        ("POST", "/api/cells/1/kvm-flat/cancel"),
        ("POST", "/api/cells/1/kvm-flat/recheck"),
        ("POST", "/api/cells/1/kvm-flat/hold"),
        ("POST", "/api/cells/1/kvm-flat/release"),
        ("POST", "/api/nodes/n01/drain"),
        ("POST", "/api/nodes/n01/restore"),
        ("POST", "/api/nodes/n01/test"),
        ("POST", "/api/lab/faults"),
        ("DELETE", "/api/lab/faults/n01"),
    ],
)
def test_no_write_without_the_token(quiet: Furnished, method: str, path: str) -> None:
    token = quiet.house.token.reveal()
    for header in ("", "Bearer", f"Bearer {token}x", f"Basic {token}", "Bearer \xe9"):
        headers = {"Authorization": header.encode("latin-1")}
        answer = quiet.client().request(method, path, json={}, headers=headers)
        problem = _problem(answer, HTTPStatus.UNAUTHORIZED)
        assert "server.json" in problem["detail"]
        assert token not in answer.text
        assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_that_is_not_a_get_needs_the_token(quiet: Furnished) -> None:
    paths = quiet.client().get("/api/openapi.json").json()["paths"]
    writes = [(m, p) for p, verbs in paths.items() for m in verbs if m != "get"]
    assert len(writes) >= 11
    for method, path in writes:
        answer = quiet.client().request(method.upper(), path.replace("{run}", "1"), json={})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, (method, path)


def test_errors_are_sentences_with_blame(home: Furnished) -> None:
    missing = _problem(home.client().get("/api/runs/7"), HTTPStatus.NOT_FOUND)
    assert missing["type"] == "urn:smoketest:problem:not-found"
    assert missing["blame"] == "config"
    assert "run 7" in missing["detail"]
    unknown = home.writer().post("/api/runs", json=home.body(archs=["kvm-flatt"]))
    assert "did you mean kvm-flat" in _problem(unknown, HTTPStatus.NOT_FOUND)["detail"]
    denied = home.writer().post("/api/runs", json=home.body(repo="https://example.org/x.git"))
    assert "--trust-code" in _problem(denied, HTTPStatus.FORBIDDEN)["detail"]
    branch = home.writer().post("/api/runs", json=home.body(ref="nope"))
    assert "nope" in _problem(branch, HTTPStatus.NOT_FOUND)["detail"]
    assert home.client().get("/api/runs").json() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"repo": ""}, "repo:"),
        ({"select": "some"}, "select:"),
        ({"patches": [{"name": "a.patch"}]}, "patches.0.text:"),
        ({"surprise": 1}, "surprise:"),
        ({"archs": "kvm-flat"}, "archs:"),
    ],
)
def test_a_bad_body_names_its_field(
    quiet: Furnished, change: dict[str, object], field: str
) -> None:
    answer = quiet.writer().post("/api/runs", json=quiet.body(**change))
    detail = _problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]
    assert detail.startswith(field)


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/0",
        "/api/runs/99999999999999999999",
        "/api/runs/twelve",
        "/api/cells/1/no-such",
        "/api/cells/1/%00",
        "/api/files/1/kvm-flat/1/%00",
        "/api/files/1/kvm-flat/1/..%2f..%2fstore.sqlite",
        "/api/files/1/../../1/x",
        "/api/who?subject=nobody",
        "/api/nothing",
    ],
)
def test_what_is_not_there_is_not_found(quiet: Furnished, path: str) -> None:
    _problem(quiet.client().get(path), HTTPStatus.NOT_FOUND)


def test_cells_are_cancelled_rechecked_held_and_released(home: Furnished) -> None:
    writer = home.writer()
    writer.post("/api/runs", json=home.body(archs=["kvm-flat", "kvm-vlan"]))
    done = writer.post("/api/runs/1/cancel").json()
    assert [cell["verdict"] for cell in done["cells"]] == ["cancelled", "cancelled"]
    bare = writer.post("/api/cells/1/kvm-flat/recheck", json={})
    assert "--reason" in _problem(bare, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]
    again = writer.post("/api/cells/1/kvm-flat/recheck", json={"reason": "the switch was down"})
    assert [attempt["attempt"] for attempt in again.json()["attempts"]][-1] == "1/kvm-flat/2"
    _grant(home)
    held = writer.post("/api/cells/1/kvm-flat/hold", json={"hours": 2}).json()
    assert held["attempts"][-1]["held_until"] is not None
    too_long = writer.post("/api/cells/1/kvm-flat/hold", json={"hours": 2000})
    assert "hours" in _problem(too_long, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]
    nan = writer.post(
        "/api/cells/1/kvm-flat/hold",
        content=b'{"hours": NaN}',
        headers={"content-type": "application/json"},
    )
    _problem(nan, HTTPStatus.UNPROCESSABLE_ENTITY)
    assert writer.post("/api/cells/1/kvm-flat/release").status_code == HTTPStatus.OK


def test_machines_are_drained_and_restored(home: Furnished) -> None:
    writer = home.writer()
    nodes = writer.post("/api/nodes/n02/drain", json={"reason": "new disk"}).json()
    assert [(n["name"], n["reason"]) for n in nodes if n["state"] != "in-service"] == [
        ("n02", "new disk")
    ]
    nodes = writer.post("/api/nodes/n02/restore").json()
    assert {node["state"] for node in nodes} == {"in-service"}
    _problem(writer.post("/api/nodes/n99/restore"), HTTPStatus.NOT_FOUND)


def test_a_leased_machine_is_not_tested(home: Furnished) -> None:
    writer = home.writer()
    writer.post("/api/runs", json=home.body())
    _grant(home)
    holder = next(node.name for node in home.store.nodes.all() if node.holder)
    refused = _problem(writer.post(f"/api/nodes/{holder}/test", json={}), HTTPStatus.CONFLICT)
    assert refused["type"] == "urn:smoketest:problem:occupied"
    assert f"{holder} is leased to 1/kvm-flat/1" in refused["detail"]
    _problem(writer.post("/api/nodes/n99/test", json={}), HTTPStatus.NOT_FOUND)
    bad = writer.post(f"/api/nodes/{holder}/test", json={"cycle": "yes, please"})
    assert "cycle:" in _problem(bad, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]
    assert {node.state for node in home.store.nodes.all()} == {NodeState.IN_SERVICE}


def test_faults_are_set_shown_and_cleared(home: Furnished) -> None:
    writer = home.writer()
    body = {"node": "n03", "kind": "busy", "chance": 0.5}
    board = writer.post("/api/lab/faults", json=body).json()
    assert board["faults"] == [body | {"until": None}]
    assert home.client().get("/api/lab/faults").json() == board
    assert writer.delete("/api/lab/faults/n03").json()["faults"] == []
    bad = writer.post("/api/lab/faults", json=body | {"chance": 2})
    assert "chance:" in _problem(bad, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]


def test_branches_of_a_stranger_need_the_token(home: Furnished) -> None:
    named = home.client().get("/api/branches", params={"repo": home.repo})
    assert named.json() == ["multi-nic", "trunk"]
    stranger = home.client().get("/api/branches", params={"repo": "http://127.0.0.1:1/x"})
    _problem(stranger, HTTPStatus.UNAUTHORIZED)


def test_health_archs_and_who(quiet: Furnished) -> None:
    health = quiet.client().get("/api/health").json()
    assert (health["status"], health["nodes"], health["lab"]) == ("ok", 10, "lab in a box")
    archs = {arch["name"]: arch for arch in quiet.client().get("/api/archs").json()}
    assert archs["kvm+xenserver"]["hypervisors"] == ["kvm", "xenserver"]
    owner = quiet.client().get("/api/who", params={"subject": "xenserver"}).json()
    assert "xenserver-team@example.org" in owner["lieutenants"]


def test_files_are_read_in_parts_and_never_run(home: Furnished) -> None:
    home.writer().post("/api/runs", json=home.body())
    folder = home.files / "1/kvm-flat/1"
    (folder / "ansible").mkdir(parents=True)
    (folder / "ansible" / "key").write_text("private")
    (folder / "console-n01.log").write_text("<script>alert(1)</script>\nlast line\n")
    (folder / "logs.tar.gz").write_bytes(b"\x1f\x8b")
    base = "/api/files/1/kvm-flat/1"
    whole = home.client().get(f"{base}/console-n01.log")
    assert whole.text == "<script>alert(1)</script>\nlast line\n"
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-security-policy"] == "sandbox"
    part = home.client().get(f"{base}/console-n01.log", params={"offset": 26, "limit": 4})
    assert part.content == b"last"
    assert home.client().get(f"{base}/console-n01.log", params={"offset": 999}).content == b""
    packed = home.client().get(f"{base}/logs.tar.gz")
    assert packed.headers["content-disposition"].startswith("attachment")
    _problem(home.client().get(f"{base}/ansible/key"), HTTPStatus.NOT_FOUND)


def test_a_cell_tells_its_verdict_and_events(home: Furnished) -> None:
    home.writer().post("/api/runs", json=home.body())
    _grant(home)
    attempt = AttemptId("1/kvm-flat/1")
    ruling = Ruling(verdict=Verdict.PASSED)
    events = [
        Event(kind=Kind.STARTED, stage=Stage.VERDICT),
        Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling),
    ]
    home.store.events.append(attempt, events, home.clock.now())
    cell = home.client().get("/api/cells/1/kvm-flat").json()
    assert cell["cell"]["verdict"] == "passed"
    assert [e["kind"] for e in cell["attempts"][0]["events"]][-2:] == ["started", "judged"]
    assert home.client().get("/api/runs/1").json()["exit"] == 0


def test_a_bug_of_ours_is_said_to_be_ours(home: Furnished) -> None:
    home.store.database.close()
    (Path(home.files).parent / "store.sqlite").write_bytes(b"this is no database" * 100)
    answer = home.client().get("/api/runs")
    assert answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.json()["blame"] == "orchestrator"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_machine_whose_power_driver_is_not_here_is_a_problem_not_a_bug(home: Furnished) -> None:
    answer = home.writer().post("/api/nodes/n04/test", json={})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "a driver that is not here" in answer.json()["detail"]

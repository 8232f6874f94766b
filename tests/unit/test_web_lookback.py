"""The pages of cells, logs, lieutenants, partners and machines, as a browser without scripts."""

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from orchestrator.model.flight import Track
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Order, Standing
from tests.unit.test_web_pages import HOSTILE, Tree
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import MAC_ERROR, Scene, busy_day

RED = "4/xenserver-flat"
TEAM = "xenserver-team@example.org"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        busy_day(home)
        _partner(home)
        yield home


def _partner(home: Furnished) -> None:
    scene = Scene(home, home.clock.now() - timedelta(hours=2))
    run = scene.ask("trunk", "Ask the partner", ("kvm-flat",))
    attempt = AttemptId(f"{run}/kvm-flat/1")
    order = Order(
        attempt=attempt,
        partner="hp",
        arch="kvm-lefthand",
        key="k1",
        repo="sample",
        ref="trunk",
        commit="a" * 40,
        hook="secret-hook",
        asked_at=scene.now,
        due_at=scene.now + timedelta(hours=1),
    )
    home.store.orders.open(order)
    home.store.orders.close(attempt, Standing.SILENT, home.clock.now())
    home.house.flights.tell(attempt, Track.PARTNER, "", 'POST job/x {"RUN_ID": "k1"}: 201')
    home.store.queue.cancel(attempt, home.clock.now())


def _page(home: Furnished, path: str, status: HTTPStatus = HTTPStatus.OK) -> tuple[str, str]:
    answer = home.client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    tree = Tree(answer.text)
    assert "style" not in {name for name, _ in tree.attributes}
    return answer.text, re.sub(r"\s+", " ", tree.text)


def test_a_cell_shows_its_recorder_beside_the_last_good_one(day: Furnished) -> None:
    text, words = _page(day, f"/cells/{RED}")
    assert "beside the last good one, 2/xenserver-flat/1" in words
    assert 'aria-labelledby="track-power"' in text
    assert re.search(r'class="dot bad" href="/cells/4/xenserver-flat#e-\d+"', text)
    zoomed, words = _page(day, f"/cells/{RED}?zoom=smoke")
    assert 'href="/cells/4/xenserver-flat?zoom=smoke#recorder" aria-current="true"' in zoomed
    assert _page(day, "/cells/1/kvm-flat")[1].count("nothing of this arch was green before it") == 1


def test_kept_files_have_checksums_once_they_cannot_change(day: Furnished) -> None:
    scene = Scene(day, day.clock.now())
    scene.keep(f"{RED}/1", "deploy.log", "TASK [x : Unpack the product] ***\nok: [n01]\n")
    text, _ = _page(day, f"/cells/{RED}")
    digest = hashlib.sha256((day.files / RED / "1" / "deploy.log").read_bytes()).hexdigest()
    assert digest in text
    assert 'href="/logs/4/xenserver-flat/1/deploy.log"' in text
    live, _ = _page(day, "/cells/6/kvm-vlan")
    assert "sha256" not in live


def test_a_log_is_numbered_coloured_searched_and_paged(day: Furnished) -> None:
    scene = Scene(day, day.clock.now())
    many = "".join(f"line {n}\n" for n in range(1, 4501)) + "\x1b[31mred <b>\x1b[0m end"
    scene.keep(f"{RED}/1", "long.log", many)
    path = f"/logs/{RED}/1/long.log"
    first, words = _page(day, path)
    assert ('id="L1"' in first, 'id="L2000"' in first, 'id="L2001"' in first) == (True, True, False)
    assert f'href="{path}?line=2001"' in first
    there, _ = _page(day, f"{path}?line=4200")
    assert ('id="L4001"' in there, 'id="L4501"' in there, 'id="L4000"' in there) == (
        *(True, True, False),
    )
    assert '<span class="t31">red &lt;b&gt;</span> end' in there
    found, words = _page(day, f"{path}?q=LINE+44")
    assert "111 lines with" in words
    assert f'href="{path}?line=44#L44"' in found
    assert "<mark>line 44</mark>" in found
    assert "No line holds" in _page(day, f"{path}?q=%3Cscript%3E")[1]
    _page(day, f"/logs/{RED}/1/nothing.log", HTTPStatus.NOT_FOUND)
    _page(day, f"/logs/{RED}/1/..%2F..%2F..%2Fstore.sqlite", HTTPStatus.NOT_FOUND)


def test_new_lines_of_a_log_are_told_with_where_to_go_on(day: Furnished) -> None:
    scene = Scene(day, day.clock.now())
    scene.keep("6/kvm-vlan/1", "smoke.log", "a\nb\nhal")
    path = "/log-lines/6/kvm-vlan/1/smoke.log"
    begun = day.client().get(path).json()
    assert (begun["offset"], begun["line"], begun["seen"], begun["live"]) == (4, 3, 7, True)
    scene.keep("6/kvm-vlan/1", "smoke.log", "f\n\x1b[32mgreen\n")
    asked = {key: begun[key] for key in ("offset", "line", "style", "seen")}
    more = day.client().get(path, params={**asked, "wait": 5, "ids": True}).json()
    assert 'id="L3"' in more["html"]
    assert "half" in more["html"]
    assert (more["line"], more["style"]) == (5, "32")
    done = day.client().get(f"/log-lines/{RED}/1/flight.log")
    assert done.status_code == HTTPStatus.NOT_FOUND
    assert day.client().get(path, params={"wait": 900}).status_code == (
        HTTPStatus.UNPROCESSABLE_ENTITY
    )


def test_a_lieutenant_sees_what_changed_and_what_is_red(day: Furnished) -> None:
    text, words = _page(day, f"/lieutenants/{TEAM}")
    assert "What changed in the last week" in words
    assert "new red" in words
    assert MAC_ERROR in words
    assert "machine lost" in words
    assert "n10" in words
    assert 'href="/cells/4/xenserver-flat"' in text
    _, words = _page(day, f"/lieutenants/{TEAM}?since=2999-01-01T00:00:00Z")
    assert "Nothing changed." in words
    _, words = _page(day, "/lieutenants")
    assert "kvm-team@example.org" in words
    _, words = _page(day, "/lieutenants/nobody", HTTPStatus.NOT_FOUND)
    assert TEAM in words


def test_a_partner_shows_its_orders_latency_and_last_calls(day: Furnished) -> None:
    text, words = _page(day, "/partners/hp")
    assert "silent" in words
    assert 'POST job/x {"RUN_ID": "k1"}: 201' in words
    assert re.search(r'class="dot is-failed" href="/cells/\d+/kvm-flat"', text)
    assert "smoketest token add --role vendor --partner hp" in words
    assert "secret-hook" not in text
    _, words = _page(day, "/partners/citrix")
    assert "left alone" in words
    assert "It was not asked yet" in words


def test_machines_are_drawn_and_each_has_a_page(day: Furnished) -> None:
    text, words = _page(day, "/nodes?span=week")
    assert 'href="/nodes/n03"' in text
    assert re.search(r"n0\d was in use [\d.]+ % of the last week", text)
    text, words = _page(day, "/nodes/n03")
    assert "broke 2 commits that pass on other machines" in words
    assert re.search(r"\d/[\w+-]+/1 (passed|failed|broken)", words)
    assert "smoketest node restore n03" in words
    _, words = _page(day, "/nodes/n99", HTTPStatus.NOT_FOUND)
    assert "no machine n99" in words


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


def test_what_is_said_of_a_red_is_shown_and_carried_over(home: Furnished) -> None:
    scene = Scene(home, home.clock.now() - timedelta(hours=1))
    for subject in ("first", "second"):
        run = scene.ask("trunk", subject, ("kvm-flat",))
        scene.grant()
        scene.fails(f"{run}/kvm-flat/1", "instance 12 has no port", red=("test_two_nics",))
    until = (home.clock.now() + timedelta(days=2)).isoformat()
    said = home.writer().post(
        "/api/cells/1/kvm-flat/waive", json={"reason": HOSTILE, "until": until, "by": "grace"}
    )
    assert said.status_code == HTTPStatus.OK, said.text
    text, words = _page(home, "/cells/2/kvm-flat")
    assert "Waived by" in words
    assert "which failed the same way" in words
    assert "<img" not in text
    (found,) = home.client().get("/api/cells/2/kvm-flat/waivers").json()
    assert found["sort"] == "waive"
    team = "kvm-team@example.org"
    assert "waived by" in _page(home, f"/lieutenants/{team}")[1]
    home.writer().post(f"/api/lieutenants/{team}/look", json={})
    words = _page(home, f"/lieutenants/{team}")[1]
    assert "since you last looked" in words
    assert "Nothing changed." in words
    gone = home.writer().post(f"/api/cells/1/kvm-flat/waivers/{found['id']}/withdraw")
    assert gone.json() == []
    assert "Waived" not in _page(home, "/cells/1/kvm-flat")[1]


def test_only_reds_are_spoken_of_and_with_a_reason_and_an_end(home: Furnished) -> None:
    scene = Scene(home, home.clock.now() - timedelta(hours=1))
    run = scene.ask("trunk", "good", ("kvm-flat",))
    path = f"/api/cells/{run}/kvm-flat"
    refused = HTTPStatus.UNPROCESSABLE_ENTITY
    waiting = home.writer().post(f"{path}/ack", json={"reason": "x"})
    assert "no verdict" in waiting.text
    scene.grant()
    scene.passes(f"{run}/kvm-flat/1")
    for body, why in (
        ({"reason": "x"}, "is green"),
        ({"reason": " "}, "needs a reason"),
    ):
        answer = home.writer().post(f"{path}/ack", json=body)
        assert answer.status_code >= HTTPStatus.BAD_REQUEST
        assert why in answer.text
    assert home.writer().post(f"{path}/waive", json={"reason": "x"}).status_code == refused
    far = {"reason": "x", "until": "2999-01-01T00:00:00Z"}
    assert "at most 90 days" in home.writer().post(f"{path}/waive", json=far).text
    assert home.client().post(f"{path}/ack", json={"reason": "x"}).status_code in {
        *(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
    }


def _sent(home: Furnished, path: str, fields: dict[str, str], back: str) -> None:
    answer = home.writer().post(path, data=fields)
    assert (answer.status_code, answer.headers.get("location")) == (303, back), answer.text
    refused = home.client().post(path, data=fields)
    assert refused.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def test_what_pages_send_acts_and_leads_back(home: Furnished) -> None:
    scene = Scene(home, home.clock.now() - timedelta(hours=1))
    run = scene.ask("trunk", "red", ("kvm-flat",))
    scene.grant()
    scene.fails(f"{run}/kvm-flat/1", "no port", red=("test_two_nics",))
    cell, team = f"/cells/{run}/kvm-flat", "/lieutenants/kvm-team@example.org"
    for path, fields, back in (
        ("/nodes/n07/drain", {"reason": "new disk"}, "/nodes/n07"),
        (f"{cell}/ack", {"reason": "looked into"}, cell),
        (f"{cell}/waive", {"reason": "known", "days": "3"}, cell),
        (f"{team}/look", {"at": home.clock.now().isoformat()}, team),
    ):
        _sent(home, path, fields, back)
    words = _page(home, cell)[1]
    assert words.index("known") < words.index("looked into")
    _sent(home, f"{cell}/recheck", {"reason": "once more"}, cell)
    _sent(home, f"{cell}/cancel", {}, cell)
    words = _page(home, "/nodes/n07")[1]
    assert "new disk" in words
    assert home.writer().post("/nodes/n07/restore").status_code == HTTPStatus.SEE_OTHER
    assert "new disk" not in _page(home, "/nodes/n07")[1]
    busy = scene.ask("trunk", "busy", ("kvm-flat",))
    scene.grant()
    node = home.store.queue.leases(AttemptId(f"{busy}/kvm-flat/1"))[0].node
    tested = home.writer().post(f"/nodes/{node}/test", headers={"Accept": "text/html"})
    assert "Test of its BMC" in tested.text
    assert f"{busy}/kvm-flat/1" in tested.text
    wrong = home.writer().post(f"{cell}/hold", data={"hours": "many"})
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY

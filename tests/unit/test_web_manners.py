"""What every answer of the API keeps to: pages, tags, allowances, and writes that come twice."""

import secrets
from collections.abc import Iterator
from http import HTTPStatus
from itertools import pairwise

import httpx
import pytest

from orchestrator.web.app import build
from orchestrator.web.limits import Allowance
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_inside import Inside


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("manners")) as found:
        for number in range(5):
            ref = "multi-nic" if number % 2 else "trunk"
            found.writer().post("/api/runs", json=found.body(key=f"run {number}", ref=ref))
        yield found


def _right(home: Furnished) -> dict[str, str]:
    return {"Authorization": f"Bearer {home.house.token.reveal()}"}


def _pages(client: httpx.Client, url: str) -> list[list[dict[str, object]]]:
    pages = []
    while url:
        answer = client.get(url)
        assert answer.status_code == HTTPStatus.OK, answer.text
        pages.append(answer.json())
        url = answer.links.get("next", {}).get("url", "")
    return pages


class TestPages:
    def test_links_lead_through_a_list_though_it_grows(self, home: Furnished) -> None:
        first = home.client().get("/api/runs", params={"limit": 2, "ref": "trunk"})
        assert [run["run"] for run in first.json()] == [5, 3]
        grown = home.writer().post("/api/runs", json=home.body(key=secrets.token_hex(8)))
        assert grown.status_code == HTTPStatus.CREATED
        rest = _pages(home.client(), first.links["next"]["url"])
        assert [run["run"] for page in rest for run in page] == [1]

    @pytest.mark.parametrize(
        "url", ["/api/runs?limit=1", "/api/cells?limit=2", "/api/queue?limit=1"]
    )
    def test_no_page_repeats_or_leaves_out(self, home: Furnished, url: str) -> None:
        shown = [str(one) for page in _pages(home.client(), url) for one in page]
        whole = home.client().get(url.partition("?")[0], params={"limit": 500}).json()
        assert shown == list(map(str, whole))
        assert len(shown) == len(set(shown)) >= 5

    @pytest.mark.parametrize(
        "cursor", ["x", "W10", "WyJydW5zIix0cnVlXQ", "WyJjZWxscyIsIjEva3ZtIl0", "%00"]
    )
    def test_a_cursor_of_elsewhere_is_refused_with_the_way_out(
        self, home: Furnished, cursor: str
    ) -> None:
        answer = home.client().get(f"/api/runs?cursor={cursor}")
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["type"] == "urn:smoketest:problem:bad-cursor"
        assert "Link" in answer.json()["next"]

    def test_cells_are_filtered_by_arch_and_verdict(self, home: Furnished) -> None:
        found = home.client().get("/api/cells", params={"arch": "kvm-flat", "ref": "multi-nic"})
        assert [one["cell"]["cell"] for one in found.json()] == ["4/kvm-flat", "2/kvm-flat"]
        red = home.client().get("/api/cells", params={"verdict": "failed"})
        assert red.json() == []


class TestTags:
    def test_what_is_the_same_is_not_sent_again(self, home: Furnished) -> None:
        first = home.client().get("/api/runs/1")
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = home.client().get("/api/runs/1", headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
            assert again.headers["etag"] == tag
        other = home.client().get("/api/runs/1", headers={"If-None-Match": '"other"'})
        assert other.json() == first.json()

    def test_what_changed_has_another_tag(self, home: Furnished) -> None:
        known = home.client().get("/api/runs/2").headers["etag"]
        home.writer().post("/api/runs/2/cancel")
        answer = home.client().get("/api/runs/2", headers={"If-None-Match": known})
        assert answer.status_code == HTTPStatus.OK
        assert answer.headers["etag"] != known

    def test_errors_and_streams_have_none(self, home: Furnished) -> None:
        assert "etag" not in home.client().get("/api/runs/99").headers
        with home.client().stream("GET", "/api/events") as stream:
            assert "etag" not in stream.headers


class TestLimits:
    def test_who_asks_too_often_is_told_when_to_come_back(self, home: Furnished) -> None:
        now = [0.0]
        app = build(home.house, Allowance(requests=3, seconds=60), lambda: now[0])
        client = Inside(app)
        answers = [client.get("/api/health") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"default";q=3;w=60'
        left = [a.headers["RateLimit"].partition("r=")[2].partition(";")[0] for a in answers]
        assert left == ["2", "1", "0", "0"]
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert refused.json()["type"] == "urn:smoketest:problem:too-many-requests"
        wait = int(refused.headers["retry-after"])
        assert client.get("/api/health", headers=_right(home)).status_code == HTTPStatus.OK
        now[0] += wait
        assert client.get("/api/health").status_code == HTTPStatus.OK

    def test_tokens_cannot_be_guessed_by_the_thousand(self, home: Furnished) -> None:
        app = build(home.house, Allowance(requests=60, seconds=60), lambda: 0.0)
        client = Inside(app)
        guesses = [{"Authorization": f"Bearer {secrets.token_hex(9)}"} for _ in range(5)]
        found = [client.get("/api/notices", headers=guess).status_code for guess in guesses]
        assert found == [401, 401, 401, 429, 429]


class TestRepeats:
    def test_the_same_key_and_body_is_done_once_also_after_a_restart(self, home: Furnished) -> None:
        headers = {"Idempotency-Key": secrets.token_hex(8), **_right(home)}
        body = home.body(reason="twice")
        first = home.client().post("/api/runs", json=body, headers=headers)
        second = home.client().post("/api/runs", json=body, headers=headers)
        restarted = Inside(build(home.house))
        third = restarted.post("/api/runs", json=body, headers=headers)
        for again in (second, third):
            assert (again.status_code, again.json()) == (first.status_code, first.json())
            assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers

    def test_another_body_under_the_key_is_refused(self, home: Furnished) -> None:
        headers = {"Idempotency-Key": secrets.token_hex(8), **_right(home)}
        home.client().post("/api/nodes/n02/drain", json={"reason": "disk"}, headers=headers)
        other = home.client().post("/api/nodes/n02/drain", json={"reason": "x"}, headers=headers)
        assert other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert other.json()["type"] == "urn:smoketest:problem:idempotency-key-reused"
        elsewhere = home.client().post("/api/nodes/n02/restore", headers=headers)
        assert elsewhere.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        home.writer().post("/api/nodes/n02/restore")

    def test_who_is_cut_off_by_a_kill_may_try_again_and_gets_one_run(self, home: Furnished) -> None:
        key = secrets.token_hex(8)
        headers = {"Idempotency-Key": key, **_right(home)}
        body = home.body(reason="killed in the middle")
        first = home.client().post("/api/runs", json=body, headers=headers).json()
        with home.store.database.whole() as connection:
            connection.exec_driver_sql("update answers set status = null, owner = 'dead'")
        again = home.client().post("/api/runs", json=body, headers=headers)
        assert again.json()["run"] == first["run"]
        assert "idempotency-replayed" not in again.headers

    def test_while_the_first_is_answered_the_second_waits(self, home: Furnished) -> None:
        app = build(home.house)
        client = Inside(app)
        headers = {"Idempotency-Key": secrets.token_hex(8), **_right(home)}
        client.post("/api/runs/1/cancel", headers=headers)
        with home.store.database.whole() as connection:
            connection.exec_driver_sql("update answers set status = null")
        busy = client.post("/api/runs/1/cancel", headers=headers)
        assert (busy.status_code, busy.headers["retry-after"]) == (HTTPStatus.CONFLICT, "1")

    def test_without_a_right_nothing_is_kept(self, home: Furnished) -> None:
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        refused = home.client().post("/api/runs", json=home.body(), headers=headers)
        assert refused.status_code == HTTPStatus.UNAUTHORIZED
        bad = home.writer().post("/api/runs/1/cancel", headers={"Idempotency-Key": "a b"})
        assert bad.status_code == HTTPStatus.BAD_REQUEST


def _ids(client: httpx.Client, url: str, count: int, **headers: str) -> list[int]:
    found: list[int] = []
    with client.stream("GET", url, headers=headers) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                found.append(int(line[4:]))
            if len(found) == count:
                break
    return found


def test_a_run_is_followed_and_resumed_where_one_was(home: Furnished) -> None:
    every = [seq for (seq,) in ((event.seq,) for _, event in home.house.events.of_run(2, 0))]
    assert len(every) >= 3
    url = "/api/runs/2/events"
    assert _ids(home.client(), url, len(every)) == every
    resumed = _ids(home.client(), url, len(every) - 1, **{"Last-Event-ID": str(every[0])})
    assert resumed == every[1:]
    assert all(before < after for before, after in pairwise(resumed))
    assert home.client().get("/api/runs/99/events").status_code == HTTPStatus.NOT_FOUND


def test_badges_say_it_by_word_mark_and_colour(home: Furnished) -> None:
    answer = home.client().get("/badges/kvm-flat.svg", params={"ref": "<script>"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "unknown" in answer.text
    assert "<script>" not in answer.text
    assert home.client().get("/badges/branch.svg").status_code == HTTPStatus.OK
    assert home.client().get("/badges/nope.svg").status_code == HTTPStatus.NOT_FOUND


def test_feeds_take_the_filters_of_the_lists(home: Furnished) -> None:
    runs = home.client().get("/feeds/runs.atom", params={"ref": "multi-nic"})
    assert runs.headers["content-type"].startswith("application/atom+xml")
    assert runs.text.count("<entry>") == 2
    cells = home.client().get("/feeds/cells.atom", params={"arch": "kvm-flat", "limit": 3})
    assert cells.text.count("<entry>") == 3


def test_prometheus_reads_how_the_lab_stands(home: Furnished) -> None:
    home.client().get("/api/health")
    text = home.client().get("/metrics").text
    assert 'smoketest_nodes{leased="no",state="in-service"} 10.0' in text
    assert 'smoketest_cells{state="running"} 0.0' in text
    assert 'route="/api/health"' in text
    assert "dur=" in home.client().get("/api/health").headers["server-timing"]


def test_files_are_listed_with_their_checksums(home: Furnished) -> None:
    folder = home.files / "1/kvm-flat/1"
    folder.mkdir(parents=True)
    (folder / "smoke.log").write_text("ok\n")
    found = home.client().get("/api/cells/1/kvm-flat/attempts/1/files").json()
    assert [(one["name"], one["size"]) for one in found] == [("smoke.log", 3)]
    assert home.client().get(found[0]["url"]).text == "ok\n"
    assert home.client().get("/api/cells/1/kvm-flat/attempts/2/files").status_code == 404

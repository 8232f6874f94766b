"""The pages as a browser without scripts gets them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import MAC_ERROR, NEVER_ARRIVED, Scene, busy_day

HOSTILE = "'\"><img src=x onerror=alert(1)><script>alert(2)</script>\x1b[31m{{ 7*7 }}"
VOID = frozenset({"meta", "link", "img", "br", "input", "hr"})


class Tree(HTMLParser):
    """Reads a page strictly: every element closed in order, ids unique."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids), "an id is there twice"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        busy_day(home)
        yield home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


def _get(home: Furnished, path: str, status: HTTPStatus = HTTPStatus.OK) -> httpx.Response:
    answer = home.client().get(path, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def _words(home: Furnished, path: str) -> str:
    return re.sub(r"\s+", " ", Tree(_get(home, path).text).text)


PAGES = (
    *("/", "/runs/4", "/cells/4/xenserver-flat", "/cells/5/kvm-flat"),
    *("/ask", "/ask?repo=x&ref=y&arch=kvm-flat&arch=gone", "/queue", "/runs/4/since/kvm-flat"),
    *("/nodes", "/archs", "/partners"),
)


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/runs/99", "/runs/x", "/cells/1/no"])
def test_every_page_is_well_formed_and_locked_down(day: Furnished, path: str) -> None:
    answer = day.client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == (HTTPStatus.OK if path in PAGES else HTTPStatus.NOT_FOUND)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    tree = Tree(answer.text)
    names = {name for name, _ in tree.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert "style" not in tree.names
    sources = [value for name, value in tree.attributes if name in {"src", "href"}]
    assert not [value for value in sources if not value.startswith(("/", "#"))]
    for source in {value for value in sources if value.startswith(("/static", "/runs", "/cells"))}:
        assert day.client().get(source).status_code == HTTPStatus.OK, source


def test_the_matrix_shows_verdict_blame_cause_and_what_waits(day: Furnished) -> None:
    answer = _get(day, "/")
    tree = Tree(answer.text)
    titles = [value for name, value in tree.attributes if name == "title"]
    red = [title for title in titles if title.startswith("4/xenserver-flat: failed")]
    assert red == [f"4/xenserver-flat: failed, blame product: {MAC_ERROR} (2 h)"]
    assert any("6/hyperv-vlan: waiting: waits for" in title for title in titles)
    words = re.sub(r"\s+", " ", tree.text)
    assert "Queued, not stuck." in words
    assert "4 running 3 waiting simulated machines: 0 free, 8 leased, 2 out of service" in words
    assert words.index("multi-nic") < words.index("flaky-volumes")
    assert words.index("xenserver") < words.index("kvm + xenserver")
    assert "2 tries" in words
    assert "deploy" in words
    assert 'href="/cells/6/kvm+xenserver"' in answer.text


def test_the_matrix_is_filtered_by_the_address(day: Furnished) -> None:
    assert "Nothing matches: repo other." in _words(day, "/?repo=other")
    assert "multi-nic" in _words(day, "/?repo=sample")
    few = Tree(_get(day, "/?cols=2").text)
    assert [found for found in few.ids if found.startswith("run-")] == ["run-6", "run-5"]


def test_a_run_tells_whose_what_and_why(day: Furnished) -> None:
    words = _words(day, "/runs/2")
    assert "flaky-volumes" in words
    assert "Asked by ada" in words
    assert "Why is it the lock?" in words
    assert "1, a voting cell failed" in words
    live = _words(day, "/runs/6")
    assert "smoketest watch 6" in live
    assert "waits for " in live
    assert " is before it" in live


def test_a_red_cell_says_whom_to_ask_and_what_to_type(day: Furnished) -> None:
    words = _words(day, "/cells/4/xenserver-flat")
    assert MAC_ERROR in words
    assert "Ask xenserver-team@example.org." in words
    assert "smoketest recheck 4/xenserver-flat --reason" in words
    assert "test_two_nics" in words
    assert "provision 15 s deploy 8.8 s smoke 5.4 s" in words


def test_every_attempt_is_shown_the_newest_first(day: Furnished) -> None:
    words = _words(day, "/cells/5/kvm-flat")
    assert words.index("Attempt 2") < words.index("Attempt 1")
    assert NEVER_ARRIVED in words


def test_a_live_cell_shows_its_stage_logins_and_logs(day: Furnished) -> None:
    answer = _get(day, "/cells/6/kvm-vlan")
    words = re.sub(r"\s+", " ", Tree(answer.text).text)
    assert "deploy for" in words
    assert re.search(r"ssh -i \S+ .* -p 22022 root@127.0.7.1", words)
    assert "smoketest hold 6/kvm-vlan" in words
    found = re.search(r'data-lines="(/log-lines/6/kvm-vlan/1/console-n\d\d.log)"', answer.text)
    assert found is not None
    assert "Debian" in day.client().get(found[1]).json()["html"]


def test_machines_say_why_they_are_out(day: Furnished) -> None:
    words = _words(day, "/nodes")
    assert "quarantined" in words
    assert "broke 2 commits that pass on other machines" in words
    assert "new disk on order" in words
    assert "6/kvm-vlan/1" in words


def test_a_held_cell_says_until_when(home: Furnished) -> None:
    home.writer().post("/api/runs", json=home.body())
    Scene(home, home.clock.now()).grant()
    home.writer().post("/api/cells/1/kvm-flat/hold", json={"hours": 2})
    words = _words(home, "/cells/1/kvm-flat")
    assert "Held for a person until" in words
    assert "smoketest release 1/kvm-flat" in words
    assert "held until" in _words(home, "/nodes")


def test_an_empty_house_says_what_to_do_first(home: Furnished) -> None:
    words = _words(home, "/")
    assert "Idle." in words
    assert "smoketest run REPO@BRANCH" in words


def test_what_a_hostile_branch_writes_stays_text(home: Furnished) -> None:
    scene = Scene(home, home.clock.now())
    run = scene.ask(f"branch{HOSTILE}", HOSTILE, ("kvm-flat",), reason=HOSTILE)
    scene.grant()
    attempt = AttemptId(f"{run}/kvm-flat/1")
    red = TestResult(name=HOSTILE, outcome=Outcome.FAILED, seconds=1, message=HOSTILE)
    ruling = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=HOSTILE)
    scene.tell(
        attempt,
        Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=(red,), text=HOSTILE),
        Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=HOSTILE),
    )
    scene.keep(attempt, f"{HOSTILE.replace('/', '')}.log", "x")
    home.writer().post("/api/nodes/n01/drain", json={"reason": HOSTILE})
    paths = ("/", f"/?repo={quote(HOSTILE)}", f"/runs/{run}", f"/cells/{run}/kvm-flat", "/nodes")
    for path in (*paths, f"/{quote(HOSTILE)}"):
        answer = home.client().get(path, headers={"Accept": "text/html"})
        tree = Tree(answer.text)
        assert not {"img"} & set(tree.names)
        assert not re.search(r"<script(?! (?:[a-z]+ |type=.module. )?src=./static/)", answer.text)
        assert "\x1b" not in answer.text
        assert not [name for name, _ in tree.attributes if name.startswith("on")]
    assert "<script>alert(2)</script>" in Tree(_get(home, f"/runs/{run}").text).text


def test_errors_are_pages_for_browsers_and_problems_for_programs(home: Furnished) -> None:
    page = _get(home, "/runs/9", HTTPStatus.NOT_FOUND)
    assert "there is no run 9" in Tree(page.text).text
    program = home.client().get("/runs/9", headers={"Accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"

"""The pages that ask for a run, show it and say when it starts, with their forms."""

import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from orchestrator.service.outlook import outlook
from orchestrator.web import ask_form, queue_page
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import MAC_ERROR, Scene, busy_day

PATCH = """diff --git a/README b/README
--- a/README
+++ b/README
@@ -1 +1 @@
-{}
+another product
"""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        busy_day(home)
        yield home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        yield found


def _send(home: Furnished, path: str, **fields: str) -> httpx.Response:
    return home.writer().post(path, data=fields, headers={"Accept": "text/html"})


def _filled(home: Furnished, **changes: str) -> dict[str, str]:
    return {"repo": home.repo, "ref": "trunk", "requester": "ada", "arch:kvm-flat": "on"} | changes


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_form_leads_to_the_run_and_a_repeat_to_the_same(home: Furnished) -> None:
    fields = _filled(home, reason="is it the lock?", key="0123", select="all")
    patch = {"patch:1": PATCH.format("a product").replace("\n", "\r\n"), "name:1": "fix.patch"}
    for _ in range(2):
        answer = _send(home, "/ask", **fields, **patch)
        assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/runs/1")
    run = home.house.library.run(home.house.desk.runs.run(1).id)  # type: ignore[arg-type]
    assert [cell.arch for cell in run.cells] == ["kvm-flat"]
    assert (run.requester, run.reason) == ("ada", "is it the lock?")
    assert "+" in run.commit


def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(home: Furnished) -> None:
    answer = _send(home, "/ask", **_filled(home, ref="nowhere", reason="keep me"))
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert re.search(r'id="ref"[^>]*aria-invalid="true" aria-describedby="ref-fault"', answer.text)
    assert "nowhere" in _words(answer.text)
    assert 'value="keep me"' in answer.text
    assert 'name="arch:kvm-flat" checked' in answer.text
    assert home.store.runs.runs() == ()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("repo", {"repo": " "}),
        ("others", {"others": "no-ref-here"}),
        ("trust_code", {"repo": "https://example.org/x.git"}),
        ("archs", {"arch:gone": "on"}),
        ("lane", {"lane": "express"}),
    ],
)
def test_each_fault_has_its_field(home: Furnished, field: str, changes: dict[str, str]) -> None:
    answer = _send(home, "/ask", **_filled(home, **changes))
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert f'id="{field}-fault"' in answer.text, _words(answer.text)


def test_a_patch_keeps_its_text_whatever_the_browser_makes_of_line_ends() -> None:
    fields = {"patch:1": "a\r\nb\r\n\r\n", "name:1": "x.patch", "patch:2": " \r\n"}
    assert ask_form.draft(fields, "ada").patches == (("x.patch", "a\nb\n"),)


def test_the_estimate_names_cells_and_pairs_before_anything_is_stored(home: Furnished) -> None:
    fields = _filled(home, select="pairwise")
    del fields["arch:kvm-flat"]
    words = _words(_send(home, "/ask/estimate", **fields).text)
    assert "9 cells on" in words
    assert "Pairs of settings" in words
    assert "not known before each arch has passed once" in words
    bad = _send(home, "/ask/estimate", **_filled(home, ref="nowhere"))
    assert "nowhere" in bad.text
    assert home.store.runs.runs() == ()


def test_branches_come_from_the_repository(home: Furnished) -> None:
    text = _send(home, "/ask/branches", repo=home.repo).text
    assert re.findall(r'<option value="([^"]+)"', text) == ["multi-nic", "trunk"]
    away = _send(home, "/ask/branches", repo="/nowhere/at/all").text
    assert "/nowhere/at/all" in away


def test_nobody_asks_or_acts_without_a_right(home: Furnished) -> None:
    for path in ("/ask", "/ask/estimate", "/ask/branches", "/runs/1/cancel", "/runs/1/promote"):
        assert home.client().post(path, data={"csrf": ""}).status_code in {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
        }


def test_a_run_is_stopped_promoted_and_tried_again_from_its_page(home: Furnished) -> None:
    scene = Scene(home, home.clock.now() - timedelta(minutes=5))
    run = scene.ask("trunk", "Count", ("kvm-flat", "kvm-vlan"))
    none = _send(home, f"/runs/{run}/promote", reason=" ")
    assert none.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert _send(home, f"/runs/{run}/promote", reason="demo").status_code == HTTPStatus.SEE_OTHER
    assert all(place.promoted for place in outlook(home.house.library).places)
    assert _send(home, f"/runs/{run}/cancel").headers["location"] == f"/runs/{run}"
    assert {str(c.verdict) for c in home.house.library.run(run).cells} == {"cancelled"}
    again = _send(home, f"/runs/{run}/recheck", reason="stopped by mistake")
    assert again.status_code == HTTPStatus.SEE_OTHER
    assert {c.attempts for c in home.house.library.run(run).cells} == {2}


def test_what_changed_since_it_was_good_is_told(day: Furnished) -> None:
    words = _words(day.client().get("/runs/4/since/xenserver-flat").text)
    assert "Last good 2/xenserver-flat" in words
    assert "compute/test_servers.py::test_two_nics" in words
    assert "Arch as it was" in words
    never = _words(day.client().get("/runs/1/since/kvm-flat").text)
    assert "never green before" in never
    run = day.client().get("/runs/4", headers={"Accept": "text/html"}).text
    assert run.count('hx-get="/runs/4/since/') == 5
    assert MAC_ERROR in _words(run).replace("&#39;", "'")


def test_a_waiting_cell_says_until_when(day: Furnished) -> None:
    words = _words(day.client().get("/runs/6", headers={"Accept": "text/html"}).text)
    assert re.search(r"starts at about \d\d:\d\d:\d\d UTC , in ", words), words
    assert "wait for machines" in words


def test_the_queue_is_told_in_order_with_a_picture(day: Furnished) -> None:
    found = outlook(day.house.library)
    assert [place.number for place in found.places] == [1, 2, 3]
    starts = [place.starts for place in found.places if place.starts]
    assert starts == sorted(starts)
    text = day.client().get("/queue", headers={"Accept": "text/html"}).text
    words = _words(text)
    assert "3 cells wait for machines" in words
    assert re.findall(r'<tr id="q-([^"]+)"', text) == [place.cell for place in found.places]
    assert len(re.findall(r'<tr id="m-', text)) == 10
    assert 'class="had"' in text
    assert "broke 2 commits that pass on other machines" in text


def test_the_picture_holds_all_that_is_expected(day: Furnished) -> None:
    now = day.clock.now()
    found = outlook(day.house.library)
    drawn = queue_page.scale(found, now)
    assert drawn.begin < now < drawn.end
    assert drawn.at(drawn.begin) == 0
    assert drawn.at(drawn.end + timedelta(days=1)) == queue_page.WIDTH
    assert all(drawn.at(b.until) < queue_page.WIDTH for b in found.machines if b.until)

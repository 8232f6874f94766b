"""Matrix, run, ask and queue in a browser: looked at, walked by keys, changing by themselves."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.model.run import Plan
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.accept.browser import CHROMIUM, NARROW, PATIENCE, WIDE, browsing, grave, overflow, tab
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import Scene, busy_day

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

#: runs before the busy day
MANY = 60
PAGES = {
    "matrix": "/",
    "matrix-differs": "/?differs=trunk&hypervisor=kvm",
    "run-red": f"/runs/{MANY + 4}",
    "run-live": f"/runs/{MANY + 6}",
    "since": f"/runs/{MANY + 4}/since/xenserver-flat",
    "ask": "/ask?repo=x&ref=trunk&arch=kvm-flat",
    "queue": "/queue",
}
LOOKS = [
    pytest.param(WIDE, False, id="wide-light"),
    pytest.param(NARROW, True, id="narrow-dark"),
    pytest.param(WIDE, True, id="wide-dark", marks=pytest.mark.real),
    pytest.param(NARROW, False, id="narrow-light", marks=pytest.mark.real),
]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        _many(home)
        busy_day(home)
        yield home


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("SMOKETEST_ARTIFACTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _many(home: Furnished) -> None:
    """Store many runs that are settled from the start."""
    lab, now = home.house.library.lab, home.clock.now() - timedelta(days=3)
    ruling = Ruling(verdict=Verdict.SKIPPED, cause="nothing to say about this commit")
    for number in range(MANY):
        commit = Commit(repo="sample", ref="nightly", sha=f"{number:040x}", subject=f"No {number}")
        plan = Plan(snapshot=Snapshot(commit=commit, archive=""), archs=tuple(lab.archs.values()))
        request = Request(repo="sample", ref="nightly", requester="nobody")
        home.store.runs.add(request, plan, dict.fromkeys(lab.archs, ruling), now)


def _open(page: Page, url: str) -> None:
    page.goto(url)
    live = page.locator("#live")
    if page.locator("body[data-seq]").count():
        expect(live).to_have_text("live", timeout=PATIENCE)


def _newest(home: Furnished) -> int:
    return int(home.store.runs.runs(limit=1)[0].id)


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_pages_keep_nobody_out(
    day: Furnished, browser: Browser, pictures: Path, size: tuple[int, int], *, dark: bool
) -> None:
    with tab(browser, size, dark=dark) as page:
        for name, path in PAGES.items():
            _open(page, day.url + path)
            shade = "dark" if dark else "light"
            page.screenshot(path=pictures / f"clicked-{name}-{size[0]}-{shade}.png")
            assert overflow(page) == 0, name
            assert grave(page) == [], name


@pytest.mark.real
def test_the_matrix_is_walked_by_keys_beyond_what_is_loaded(
    day: Furnished, browser: Browser
) -> None:
    with tab(browser) as page:
        _open(page, f"{day.url}/")
        assert page.locator("#grid .square").count() < 400
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        first = page.locator(f'[href="/cells/{_newest(day)}/kvm-flat"]')
        first.focus()
        page.keyboard.press("ArrowDown")
        expect(page.locator(":focus")).to_have_attribute("href", f"/cells/{_newest(day)}/kvm-vlan")
        expect(page.locator("#cause")).to_contain_text("/kvm-vlan: ")
        page.keyboard.press("End")
        last = page.locator('[href="/cells/1/kvm-vlan"]')
        expect(last).to_be_focused(timeout=PATIENCE)
        expect(page.locator("#run-1")).to_be_in_viewport()
        assert page.locator("#grid .square, #grid .none").count() < 60 * 9
        page.keyboard.press("Home")
        expect(page.locator(f"#run-{_newest(day)}")).to_be_in_viewport(timeout=PATIENCE)


@pytest.mark.real
def test_a_pasted_address_shows_the_same_place(day: Furnished, browser: Browser) -> None:
    with tab(browser) as page:
        _open(page, f"{day.url}/?ref=nightly&col=30")
        shown = MANY - 30
        expect(page.locator(f"#run-{shown}")).to_be_in_viewport(timeout=PATIENCE)
        page.locator("#scroller").evaluate("box => box.scrollLeft = box.scrollWidth")
        expect(page.locator("#run-1")).to_be_in_viewport(timeout=PATIENCE)


@pytest.mark.real
def test_a_filter_is_chosen_and_stands_in_the_address(day: Furnished, browser: Browser) -> None:
    with tab(browser) as page:
        _open(page, f"{day.url}/")
        page.locator("#filters summary").click()
        page.get_by_label("Hypervisor").select_option("xenserver")
        page.wait_for_url("**/?hypervisor=xenserver")
        expect(page.locator("#filters summary")).to_contain_text("hypervisor xenserver")
        expect(page.locator("#grid tbody tr:not(.group)")).to_have_count(3)


@pytest.mark.real
def test_a_run_changes_without_a_reload_and_tells_what_changed(
    day: Furnished, browser: Browser
) -> None:
    run = _newest(day)
    attempt = f"{run}/xenserver-flat/1"
    with tab(browser) as page:
        _open(page, f"{day.url}/runs/{run}")
        page.evaluate("window.stayed = true")
        row = page.locator(f'[id="c-{run}/xenserver-flat"]')
        scene = Scene(day, day.clock.now())
        scene.tell(attempt, Event(kind=Kind.FINISHED, stage=Stage.PROVISION))
        scene.tell(attempt, Event(kind=Kind.STARTED, stage=Stage.DEPLOY))
        expect(row).to_contain_text("deploy", timeout=PATIENCE)
        cause = "the second NIC never answered"
        scene.judge(attempt, Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=cause))
        expect(row).to_contain_text(cause, timeout=PATIENCE)
        row.locator(".since summary").click()
        expect(row.locator(".told")).to_contain_text("Last good", timeout=PATIENCE)
        assert page.evaluate("window.stayed") is True


@pytest.mark.real
def test_colours_are_chosen_and_kept(day: Furnished, browser: Browser) -> None:
    with tab(browser) as page:
        _open(page, f"{day.url}/queue")
        for theme in ("light", "dark"):
            page.locator("#theme").click()
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.real
def test_a_run_is_asked_for_and_stopped_from_its_pages(day: Furnished, browser: Browser) -> None:
    # Nobody has to sign in: the browser is this host's user.
    with tab(browser) as page:
        _open(page, f"{day.url}/ask")
        expect(page.locator("#branches option")).to_have_count(2)
        page.get_by_label("Branch, tag or commit").fill("trunk")
        page.get_by_label("Why, for those who wait").fill("to see it")
        page.get_by_label("kvm-flat", exact=True).check()
        expect(page.locator("#arch-count")).to_have_text("1 of 9 ticked")
        page.get_by_role("button", name="What would it cost?").click()
        expect(page.locator("#estimate")).to_contain_text("1 cell on")
        page.get_by_role("button", name="Ask for the run").click()
        page.wait_for_url("**/runs/*")
        expect(page.locator("h1")).to_contain_text("waiting")
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator("h1")).to_contain_text("cancelled")
        page.get_by_role("link", name="Ask for the same again").click()
        expect(page.get_by_label("kvm-flat", exact=True)).to_be_checked()
        expect(page.get_by_label("Branch, tag or commit")).to_have_value("trunk")

"""A developer's job clicked through on the lab in a box: ask, wait, see what is wrong, retry."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accept.browser import CHROMIUM, NARROW, WIDE, browsing, grave, overflow, tab
from tests.orchestrating import Orchestrator

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
#: milliseconds that a run of simulated machines may take on a busy host
RUN = 300_000


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    running = Orchestrator(home=tmp_path_factory.mktemp("box") / "home", nodes=4, patience=300)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def _url(box: Orchestrator) -> str:
    return str(json.loads((box.home / "server.json").read_text())["url"])


def _picture(page: Page, name: str) -> None:
    if kept := os.environ.get("SMOKETEST_ARTIFACTS"):
        page.screenshot(path=Path(kept) / f"developer-{name}.png", full_page=True)


def _fill(page: Page, url: str) -> None:
    page.goto(f"{url}/ask")
    page.get_by_label("Repository", exact=True).fill("sample")
    page.get_by_label("Repository", exact=True).press("Tab")
    expect(page.locator("#branches option[value=multi-nic]")).to_be_attached()
    page.get_by_label("Branch, tag or commit").fill("multi-nic")
    page.get_by_label("Why, for those who wait").fill("does the second card still work?")
    page.get_by_label("kvm-flat", exact=True).check()
    page.get_by_label("xenserver-flat", exact=True).check()


def test_a_branch_is_asked_for_followed_and_understood(box: Orchestrator, browser: Browser) -> None:
    url = _url(box)
    with tab(browser) as page:
        _fill(page, url)
        page.get_by_role("button", name="What would it cost?").click()
        expect(page.locator("#estimate")).to_contain_text("2 cells on")
        _picture(page, "ask")
        page.get_by_role("button", name="Ask for the run").click()
        page.wait_for_url("**/runs/1")
        page.evaluate("window.stayed = true")
        expect(page.locator("h1")).to_contain_text("failed", timeout=RUN)
        assert page.evaluate("window.stayed") is True
        red = page.locator('[id="c-1/xenserver-flat"]')
        expect(red).to_contain_text("mac_address")
        expect(page.locator('[id="c-1/kvm-flat"]')).to_contain_text("passed")
        _picture(page, "run")
        red.locator("th a").click()
        expect(page.locator("h1")).to_contain_text("xenserver-flat")
        page.goto(f"{url}/")
        expect(page.locator('[href="/cells/1/xenserver-flat"]')).to_contain_text("failed")
        page.goto(f"{url}/runs/1")
        page.get_by_text("Try again what is not green").click()
        page.get_by_label("What you think happened").fill("only to be sure")
        page.get_by_role("button", name="Try 1 again").click()
        expect(page.locator('[id="c-1/xenserver-flat"]')).to_contain_text("attempt 2")
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator("h1")).not_to_contain_text("running", timeout=RUN)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_pages_of_a_real_run_keep_nobody_out(
    box: Orchestrator, browser: Browser, size: tuple[int, int], *, dark: bool
) -> None:
    url = _url(box)
    with tab(browser, size, dark=dark) as page:
        for path in ("/", "/ask", "/queue", "/runs/1", "/cells/1/xenserver-flat"):
            page.goto(url + path)
            assert overflow(page) == 0, path
            assert grave(page) == [], path

"""A lieutenant's and a vendor's job, clicked through in Chromium on labs in a box.

The main lab asks the vendor's, which is a lab in a box and has lieutenants of its own.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.accept.chromium import CHROMIUM
from tests.chaining import ARCH, Chain, address, chained

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
TEAM = "hyperv-team"
SIZES = ((1440, 900), (390, 844))
#: milliseconds that a busy host may need; nothing waits for so long else
PATIENCE = 60_000


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Two runs of the main lab, both decided by the vendor's: green, then red."""
    made = chained(tmp_path_factory.mktemp("chain"))
    for ref in ("trunk", "multi-nic"):
        run = made.main.ask(ref, ARCH)
        made.main.wait_for(lambda run=run: made.main.done(run), 400, f"run {run}")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window whose console stays silent."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    found = context.new_page()
    said: list[str] = []
    found.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None)
    found.on("pageerror", lambda error: said.append(str(error)))
    yield found
    assert said == []
    context.close()


def test_a_lieutenant_finds_what_is_new_and_reads_why(chain: Chain, page: Page) -> None:
    vendor = chain.vendor
    page.goto(f"{address(vendor)}/")
    page.get_by_role("link", name="Lieutenants").click()
    page.get_by_role("link", name=TEAM, exact=True).click()
    news = page.locator("#news")
    expect(news).to_contain_text("new red")
    news.get_by_role("link", name=ARCH, exact=True).first.click()
    page.wait_for_url(re.compile(r"/cells/\d+/hyperv-flat$"))
    expect(page.locator("#recorder")).to_contain_text("beside the last good one")
    expect(page.locator("#live")).to_have_text("live")
    first = page.locator("svg.on-power a.dot:not(.good)").first
    first.focus()
    said = page.locator("#recorder-said")
    expect(said).to_contain_text("power")
    page.keyboard.press("ArrowRight")
    expect(said).not_to_have_text(first.get_attribute("aria-label") or "")
    # by key: another point lies on top of it where two failed in the same moment
    page.locator("svg.on-tests a.dot.bad").first.press("Enter")
    page.wait_for_url(re.compile(r"/logs/.*/smoke\.log\?line=\d+#L\d+"))
    expect(page.locator(".line.chosen")).to_contain_text("FAILED")


def test_a_lieutenant_waives_what_is_known_and_has_then_seen_it_all(
    chain: Chain, page: Page
) -> None:
    vendor = chain.vendor
    (attempt,) = vendor.rows("SELECT id FROM attempts WHERE verdict = 'failed'")[0]
    cell = attempt.rpartition("/")[0]
    page.goto(f"{address(vendor)}/cells/{cell}")
    page.evaluate("window.stayed = true")
    done = vendor.cli("waive", cell, "--until", "2d", "--reason", "the vendor knows")
    assert done.returncode == 0, done.stderr
    expect(page.locator(".said-of")).to_contain_text("Waived by")
    assert page.evaluate("window.stayed") is True
    page.goto(f"{address(vendor)}/lieutenants/{TEAM}")
    expect(page.locator("#reds")).to_contain_text("the vendor knows")
    (view,) = vendor.json("changes", "--lieutenant", TEAM, "--seen")["lieutenants"]
    assert view["news"][-1]["novelty"] == "new red"
    page.reload()
    expect(page.locator("#news")).to_contain_text("Nothing changed")


def test_a_vendor_sees_how_it_did_and_what_was_said(chain: Chain, page: Page) -> None:
    page.goto(f"{address(chain.main)}/partners")
    page.get_by_role("link", name="vendor", exact=True).click()
    expect(page.locator("#latency a.dot")).to_have_count(2)
    calls = page.locator("#calls")
    expect(calls).to_contain_text("buildWithParameters")
    expect(calls).to_contain_text("RUN_ID")
    secrets = [re.escape(hook) for (hook,) in chain.main.rows("SELECT hook FROM orders")]
    assert not re.search("|".join(secrets), page.content())
    calls.locator("li a").first.click()
    page.wait_for_url(re.compile(r"/logs/.*/flight\.log\?line=\d+#L\d+"))
    expect(page.locator(".line.chosen")).to_have_count(1)
    page.go_back()
    page.locator("#cells tbody th a").first.click()
    expect(page.locator("#recorder")).to_contain_text("Partner")


def test_a_log_grows_in_sight_and_ranges_of_it_are_linked(chain: Chain, page: Page) -> None:
    vendor = chain.vendor
    run = vendor.ask("trunk", ARCH)
    attempt = f"{run}/{ARCH}/1"
    vendor.wait_for(lambda: vendor.rows("SELECT 1 FROM leases"), 200, "a machine")
    kept = vendor.home / "attempts" / attempt / "seen.log"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("first\n\x1b[31msecond <b>\x1b[0m\n")
    page.goto(f"{address(vendor)}/logs/{attempt}/seen.log")
    with kept.open("a") as log:
        log.write("half")
        log.flush()
        expect(page.locator("#L3")).to_have_text("half")
        log.write(" and half\n")
        log.flush()
        expect(page.locator("#L3")).to_have_text("half and half")
    expect(page.locator("#L2 .t31")).to_have_text("second <b>")
    page.locator("#L1 .no").click()
    page.locator("#L3 .no").click(modifiers=["Shift"])
    assert page.url.endswith("#L1-L3")
    expect(page.locator(".line.chosen")).to_have_count(3)
    page.get_by_label("Search in this log").fill("HALF")
    page.keyboard.press("Enter")
    expect(page.locator("mark")).to_have_count(2)
    vendor.wait_for(lambda: vendor.done(run), 400, "its end")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_within_reach_of_everybody(
    chain: Chain, browser: Browser, tmp_path: Path, dark: bool
) -> None:
    kept = os.environ.get("SMOKETEST_ARTIFACTS")
    folder = Path(kept) if kept else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    red = chain.vendor.rows("SELECT id FROM attempts WHERE verdict = 'failed'")[0][0]
    cell = red.rpartition("/")[0]
    box, main = address(chain.vendor), address(chain.main)
    pages = {
        "cell": f"{box}/cells/{cell}",
        "log": f"{box}/logs/{red}/smoke.log?line=3#L3",
        "lieutenant": f"{box}/lieutenants/{TEAM}",
        "machines": f"{box}/nodes",
        "machine": f"{box}/nodes/n01",
        "partner": f"{main}/partners/vendor",
    }
    for width, height in SIZES:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        for name, url in pages.items():
            page.goto(url)
            page.screenshot(path=folder / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            page.evaluate(AXE)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            wrong = [
                (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
                for one in found["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
            assert wrong == [], f"{name} at {width}"
        context.close()

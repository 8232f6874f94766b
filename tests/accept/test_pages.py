"""The pages in a real Chromium, at both widths, light and dark; pictures are kept as artifacts."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.accept.chromium import CHROMIUM, Page, browsing
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import MAC_ERROR, Scene, busy_day

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

WIDE, NARROW = (1440, 900), (390, 844)
PAGES = {
    "matrix": "/",
    "run": "/runs/6",
    "cell-red": "/cells/4/xenserver-flat",
    "cell-live": "/cells/6/kvm-vlan",
    "cell-tried": "/cells/5/kvm-flat",
    "machines": "/nodes",
    "machine": "/nodes/n03",
    "lieutenant": "/lieutenants/xenserver-team@example.org",
    "partner": "/partners/hp",
    "archs": "/archs",
}
#: texts whose contrast with what is behind them is below WCAG AA, as `text (ratio)`
FAINT = """
(() => {
  const rgba = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return n.length < 4 ? [...n, 1] : n;
  };
  const curve = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = (c) => curve(c / 255);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const over = (top, below) => below.map((c, i) => top[3] * top[i] + (1 - top[3]) * c);
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const ground = rgba(getComputedStyle(element).backgroundColor);
    return ground[3] === 1 ? ground.slice(0, 3) : over(ground, behind(element.parentElement));
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = rgba(style.color);
    ink[3] *= Number(style.opacity);
    const [a, b] = [luminance(over(ink, ground)), luminance(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${walk.currentNode.data.trim()} (${ratio.toFixed(1)})`);
  }
  return faint;
})()
"""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as home:
        busy_day(home)
        yield home


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: a folder that is kept if `SMOKETEST_ARTIFACTS` names it."""
    kept = os.environ.get("SMOKETEST_ARTIFACTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def no_complaint(page: Page) -> Iterator[None]:
    """Whatever a test does, the browser has nothing to complain about."""
    page.said.clear()
    yield
    assert page.said == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_readable(
    day: Furnished, page: Page, pictures: Path, name: str, size: tuple[int, int], *, dark: bool
) -> None:
    page.open(day.url + PAGES[name], width=size[0], height=size[1], dark=dark)
    page.wait("document.getElementById('live').textContent === 'live'")
    assert page.run("document.documentElement.scrollWidth") == size[0], "it scrolls sideways"
    assert page.run(FAINT) == []
    small = "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && "
    small += "parseFloat(getComputedStyle(e).fontSize) < 11).map(e => e.textContent)"
    assert page.run(small) == []
    page.picture(pictures / f"{name}-{size[0]}-{'dark' if dark else 'light'}.png")


def test_the_matrix_is_first_painted_within_a_second(day: Furnished, page: Page) -> None:
    page.open(f"{day.url}/")
    page.wait("performance.getEntriesByName('first-contentful-paint').length === 1")
    paint = page.run("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert isinstance(paint, int | float)
    assert paint < 1000


def test_a_square_changes_without_a_reload_and_keeps_the_focus(day: Furnished, page: Page) -> None:
    page.open(f"{day.url}/")
    page.wait("document.getElementById('live').textContent === 'live'")
    square = 'document.querySelector(`[href="/cells/6/xenserver-flat"]`)'
    page.run(f"window.stayed = true; window.old = {square}; old.focus()")
    assert "provision" in str(page.run(f"{square}.textContent"))
    scene = Scene(day, day.clock.now())
    scene.tell("6/xenserver-flat/1", Event(kind=Kind.FINISHED, stage=Stage.PROVISION))
    scene.tell("6/xenserver-flat/1", Event(kind=Kind.STARTED, stage=Stage.DEPLOY))
    page.wait(f"{square}.textContent.includes('deploy')", 8)
    cause = "the second NIC never answered"
    ruling = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=cause)
    scene.judge("6/xenserver-flat/1", ruling)
    page.wait(f"{square}.classList.contains('is-failed')", 8)
    assert page.run("window.stayed && window.old === document.activeElement") is True
    page.wait(f"document.getElementById('cause').textContent.includes({json.dumps(cause)})")


def test_a_new_run_appears_at_the_left(day: Furnished, page: Page) -> None:
    page.open(f"{day.url}/")
    page.wait("document.getElementById('live').textContent === 'live'")
    page.run("window.old = document.getElementById('c-4/kvm-flat')")
    run = Scene(day, day.clock.now()).ask("trunk", "Count twice", ("kvm-flat",))
    page.wait(f"document.querySelector('#heads th').id === 'run-{run}'", 8)
    assert page.run("window.old === document.getElementById('c-4/kvm-flat')") is True
    day.writer().post(f"/api/runs/{run}/cancel")
    page.wait(f"document.getElementById('c-{run}/kvm-flat').textContent.includes('cancelled')", 8)
    assert page.run("window.old === document.getElementById('c-4/kvm-flat')") is True


def test_the_cause_is_told_under_the_pointer_and_to_arrow_keys(day: Furnished, page: Page) -> None:
    page.open(f"{day.url}/")
    page.wait("document.getElementById('live').textContent === 'live'")
    cause = "document.getElementById('cause').textContent"
    page.hover('[href="/cells/4/xenserver-flat"]')
    page.wait(f"{cause}.includes({json.dumps(MAC_ERROR)})")
    page.run('document.querySelector(`[href="/cells/4/hyperv-flat"]`).focus()')
    page.press("ArrowDown")
    page.wait(f"{cause}.startsWith('4/hyperv-vlan: failed')")
    page.press("ArrowLeft")  # run 5 left it out
    page.press("ArrowLeft")
    page.wait(f"{cause}.startsWith('6/hyperv-vlan: waiting')")


def test_the_first_tap_tells_and_the_second_opens(day: Furnished, page: Page) -> None:
    page.open(f"{day.url}/", width=NARROW[0], height=NARROW[1])
    page.wait("document.getElementById('live').textContent === 'live'")
    page.tap('[href="/cells/6/hyperv-vlan"]')
    page.wait("document.getElementById('cause').textContent.includes('waits for')")
    assert page.run("location.pathname") == "/"
    page.tap('[href="/cells/6/hyperv-vlan"]')
    page.wait("location.pathname === '/cells/6/hyperv-vlan'")


def test_a_log_is_followed_line_by_line(day: Furnished, page: Page) -> None:
    attempt = "6/kvm-vlan/1"
    name = next(n for n in day.house.files.names(AttemptId(attempt)) if n.startswith("console-"))
    page.open(f"{day.url}/cells/6/kvm-vlan")
    page.wait("document.getElementById('live').textContent === 'live'")
    page.click(f'details[data-lines$="{name}"] summary')
    log = f"document.querySelector('details[data-lines$=\"{name}\"] pre').textContent"
    page.wait(f"{log} === 'PXE ok\\nDebian\\n'")
    began = time.monotonic()
    scene = Scene(day, day.clock.now())
    scene.keep(attempt, name, '<img src=x onerror="window.pwned = 1">\x1b[2J \u2026 half a line')
    page.wait(f"{log}.endsWith('half a line')")
    assert time.monotonic() - began < 5
    scene.keep(attempt, name, " and the rest\n")
    page.wait(f"{log}.endsWith('half a line and the rest\\n')")
    scene.tell(attempt, Event(kind=Kind.PROGRESS, stage=Stage.DEPLOY, text="one more task"))
    page.wait("document.getElementById('main').textContent.includes('one more task')", 8)
    assert page.run("document.querySelector('details.log').open") is True
    assert page.run(f"{log}.includes('onerror') && window.pwned === undefined") is True


def test_hostile_words_run_nothing_in_a_browser(tmp_path: Path, page: Page, pictures: Path) -> None:
    words = '\'"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\x1b[31m'
    with furnish(tmp_path) as home:
        scene = Scene(home, home.clock.now())
        run = scene.ask(words, words, ("kvm-flat",), reason=words)
        scene.grant()
        ruling = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=words)
        scene.judge(f"{run}/kvm-flat/1", ruling)
        scene.keep(f"{run}/kvm-flat/1", words.replace("/", "") + ".log", words)
        for path in ("/", f"/runs/{run}", f"/cells/{run}/kvm-flat"):
            page.open(home.url + path)
            page.wait("document.getElementById('live').textContent === 'live'")
            scene.tell(f"{run}/kvm-flat/1", Event(kind=Kind.NOTE, stage=Stage.REPORT, text=words))
            page.run("new Promise((resolve) => setTimeout(resolve, 1200))")
            assert page.run("window.pwned === undefined") is True, path
            assert page.run("document.querySelectorAll('img').length") == 0
        page.picture(pictures / "hostile.png")
        page.open("about:blank")

"""A line of a log, from the moment that it is written to the moment that a browser shows it."""

import random
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.accept.chromium import CHROMIUM
from tests.unit.web_house import furnish
from tests.unit.web_scene import Scene, busy_day

TARGET_MS = 300
LINES = 60
ATTEMPT = "6/kvm-vlan/1"
#: notes when each line with a number came into the page, in milliseconds since 1970
WATCH = """
() => {
  window.seen = {};
  new MutationObserver((changes) => {
    const now = Date.now();
    for (const change of changes) for (const node of change.addedNodes) {
      const found = /mark (\\d+)/.exec(node.textContent);
      if (found) window.seen[found[1]] ??= now;
    }
  }).observe(document.querySelector(".lines"), { childList: true, subtree: true });
}
"""


def bench() -> None:
    """Print the delays of lines that are written at any moment while a browser shows the log."""
    if CHROMIUM is None:
        print("chromium is not installed: apt-get install chromium")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        furnish(Path(folder)) as home,
        sync_playwright() as playwright,
    ):
        scene = busy_day(home)
        scene.keep(ATTEMPT, "deploy.log", "begun\n")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{home.url}/logs/{ATTEMPT}/deploy.log")
        page.evaluate(WATCH)
        delays = _delays(page, scene)
        browser.close()
    middle, late = statistics.median(delays), sorted(delays)[int(len(delays) * 0.95)]
    print(f"{LINES} lines, from write to page: median {middle:.0f} ms, 95 of 100 {late:.0f} ms,")
    print(f"slowest {max(delays):.0f} ms; target {TARGET_MS} ms: {_word(late)}")


def _delays(page: Page, scene: Scene) -> list[float]:
    written: dict[int, float] = {}
    for number in range(LINES):
        page.wait_for_timeout(random.uniform(20, 400))  # noqa: S311  # at any moment
        written[number] = time.time() * 1000
        scene.keep(ATTEMPT, "deploy.log", f"mark {number} \x1b[32mok\x1b[0m\n")
    # A function that waits in the page would need `eval`, which the pages forbid.
    end = time.monotonic() + 30
    while not page.evaluate(f"window.seen[{LINES - 1}] ?? 0"):
        assert time.monotonic() < end, "the last line never came"
        page.wait_for_timeout(20)
    seen: dict[str, float] = page.evaluate("window.seen")
    return [max(0.0, seen[str(number)] - at) for number, at in written.items()]


def _word(late: float) -> str:
    return "held" if late <= TARGET_MS else "missed"

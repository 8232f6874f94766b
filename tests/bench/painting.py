"""The matrix over a long history in Chromium: when it is first painted, and how it is scrolled.

`python -m tests.bench.painting CELLS [FOLDER]` says how many cells; a folder keeps the store.
"""

import statistics
import sys
import time
from collections.abc import Sequence

from playwright.sync_api import Browser, Page

from tests.accept.browser import CHROMIUM, browsing, tab
from tests.bench.pages import CELLS, serving

TARGET = 1000.0
TIMES = 7
_PATIENCE = 60.0
#: elements that a page may hold, however large the matrix is
DOM = 12_000
_PAINTED = (
    "performance.getEntriesByName('first-contentful-paint').map((found) => found.startTime)[0]"
)


def bench(cells: int = CELLS, folder: str = "") -> None:
    """Print the first paint, the time until a far window is shown, and the page's size."""
    if CHROMIUM is None:
        print("chromium is not installed")
        return
    with serving(cells, folder) as (url, _, _), browsing() as browser:
        paints = [_paint(browser, url) for _ in range(TIMES)]
        print(
            f"first paint of the matrix: median {statistics.median(paints):.0f} ms, "
            f"slowest of {TIMES} {max(paints):.0f} ms (target {TARGET:.0f} ms)"
        )
        with tab(browser) as page:
            page.goto(url)
            _scroll(page)


def _paint(browser: Browser, url: str) -> float:
    """Return the milliseconds to the first paint of a browser that was never here."""
    with tab(browser) as page:
        page.goto(url)
        end = time.monotonic() + _PATIENCE
        # A function that waits in the page would need `eval`, which the pages forbid.
        while (found := page.evaluate(_PAINTED)) is None:
            assert time.monotonic() < end, "nothing was painted"
            page.wait_for_timeout(20)
        return float(found)


def _scroll(page: Page) -> None:
    """Scroll to the end of both axes, and print how long the window there took to be shown."""
    whole = page.locator("#grid").evaluate("grid => [grid.dataset.rows, grid.dataset.cols]")
    began = time.monotonic()
    page.locator("#scroller").evaluate("box => box.scrollTo(box.scrollWidth, box.scrollHeight)")
    last = f'[aria-rowindex="{int(whole[0]) + 1}"] [aria-colindex="{int(whole[1]) + 1}"]'
    page.locator(last).wait_for()
    took = (time.monotonic() - began) * 1000
    elements = page.evaluate("document.querySelectorAll('*').length")
    print(
        f"from the newest run to the oldest, last arch ({whole[0]} x {whole[1]}): {took:.0f} ms; "
        f"{elements} elements in the page (at most {DOM})"
    )


def main(words: Sequence[str]) -> None:
    """Run the bench over as many cells as the command line says."""
    bench(int(words[0]) if words else CELLS, words[1] if len(words) > 1 else "")


if __name__ == "__main__":
    main(sys.argv[1:])

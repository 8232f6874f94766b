"""Debian's Chromium through Playwright, with axe-core to look for what keeps people out.

Whatever a page's console, scripts or network complain about fails the test that had it open.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
WIDE, NARROW = (1440, 900), (390, 844)
#: milliseconds; a loaded host is slow, and no test is about that
PATIENCE = 60_000
_AXE = Path(__file__).parent / "axe" / "axe.min.js"
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server")
_GRAVE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((found) => ["serious", "critical"].includes(found.impact))
  .map((found) => `${found.id}: ${found.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""


@contextmanager
def browsing() -> Iterator[Browser]:
    """Yield a Chromium of its own."""
    assert CHROMIUM, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(_FLAGS), timeout=PATIENCE
        )
        yield browser
        browser.close()


@contextmanager
def tab(
    browser: Browser,
    size: tuple[int, int] = WIDE,
    *,
    dark: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Page]:
    """Yield a tab of that size; at its end nothing may have been complained about."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        has_touch=size[0] < 600,
        reduced_motion="reduce",
        extra_http_headers=dict(headers or {}),
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    said: list[str] = []
    page.on(
        "console",
        lambda message: said.append(message.text) if message.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def grave(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, each with where it is."""
    # Put in by the debugger: the page's own policy lets no such script in.
    page.evaluate(_AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(_GRAVE)
    return found


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return found

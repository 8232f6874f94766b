"""Signing in and out in a browser, and the pages about people: at both widths, light and dark."""

from pathlib import Path

import pytest

from orchestrator.model.access import Role
from tests.accept.browser import WIDE, browsing, grave, overflow, tab
from tests.unit import people
from tests.unit.web_house import furnish

NARROW = (390, 844)


@pytest.mark.real
@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (NARROW, True)], ids=["wide", "narrow"])
def test_an_admin_signs_in_looks_around_and_leaves(
    tmp_path: Path, size: tuple[int, int], dark: bool
) -> None:
    with furnish(tmp_path) as home, browsing() as browser, tab(browser, size, dark=dark) as page:
        password = people.add(home, "grace", Role.ADMIN)
        page.goto(f"{home.url}/sign-in?to=/account")
        assert (grave(page), overflow(page)) == ([], 0)
        page.fill("#name", "grace")
        page.fill("#password", password)
        page.click("main button:has-text('Sign in')")
        page.wait_for_url(f"{home.url}/account")
        for path in ("/account", "/users", "/audit"):
            page.goto(f"{home.url}{path}")
            assert (grave(page), overflow(page)) == ([], 0), path
        page.goto(f"{home.url}/account")
        page.fill("#token-note", "laptop")
        page.click("text=Make a token >> nth=-1")
        page.wait_for_selector("text=Copy it now")
        page.click("button:has-text('Sign out')")
        page.wait_for_url(f"{home.url}/")
        assert page.text_content(".me") == "Sign in"

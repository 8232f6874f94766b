"""People for a house: one of each role, with a token, and browsers that sign in."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace

import httpx

from orchestrator.model.access import Role
from orchestrator.model.secret import Secret
from orchestrator.service.accounts import Place
from orchestrator.service.gate import Wish
from tests.unit.web_house import Furnished

#: what each of them is here; the lieutenant answers for kvm, the vendor speaks for hp
PLACES: Mapping[Role, Place] = {
    **{role: Place(role=role) for role in Role},
    Role.LIEUTENANT: Place(role=Role.LIEUTENANT, archs=("kvm*",)),
    Role.VENDOR: Place(role=Role.VENDOR, partner="hp"),
}


def sentence() -> str:
    """Return a password that nobody guesses, made up now."""
    return f"lamp {secrets.token_hex(8)} under the stairs"


def add(home: Furnished, name: str, role: Role, password: str = "") -> str:
    """Add a user; return their password."""
    password = password or sentence()
    home.house.reception.accounts.add(name, PLACES[role], Secret(password))
    return password


def token_of(home: Furnished, name: str, role: Role) -> str:
    """Return what opens as that user."""
    place = PLACES[role]
    wish = Wish(role=role, note="test", days=1, user=name, archs=place.archs, partner=place.partner)
    return home.house.gate.give(wish)[1].reveal()


def private(home: Furnished) -> None:
    """Let nobody see anything without signing in."""
    # The value is frozen for everybody but this test, which changes the rules of a lab that runs.
    rules = replace(home.house.reception.rules, anonymous_read=False)
    object.__setattr__(home.house.reception, "rules", rules)


def browser(home: Furnished) -> httpx.Client:
    """Return a browser without scripts: it keeps cookies and says where it comes from."""
    headers = {"Accept": "text/html,*/*", "Origin": home.url, "Sec-Fetch-Site": "same-origin"}
    return httpx.Client(base_url=home.url, headers=headers, trust_env=False, timeout=60)


def csrf(page: httpx.Response) -> str:
    """Return the token in the page's first form."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def sign_in(client: httpx.Client, name: str, password: str, to: str = "/") -> httpx.Response:
    """Sign in as a person does: load the page, fill in the form, send it."""
    form = {"csrf": csrf(client.get("/sign-in")), "name": name, "password": password, "to": to}
    return client.post("/sign-in", data=form)


def session_cookie(client: httpx.Client) -> str:
    """Return what the browser shows as its session, empty for none."""
    return next(
        (
            c.value or ""
            for c in client.cookies.jar
            if c.name.startswith("smoketest_") and c.name.count("_") == 1
        ),
        "",
    )

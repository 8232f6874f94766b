"""Signing in at an identity provider, which is a real one (pyop): and whatever must not pass."""

import base64
import hashlib
import html
import json
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from orchestrator.drivers.accounts.oidc import OidcProvider
from orchestrator.model.access import Role
from orchestrator.model.account import Grant
from orchestrator.model.errors import Denied, InfraError
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.service.door import Oidc
from tests.unit import oidc_provider, people
from tests.unit.oidc_provider import CLIENT, Op
from tests.unit.people import browser, csrf, session_cookie
from tests.unit.web_house import Furnished, furnish

GRANTS = (
    Grant(group="lab-admins", role=Role.ADMIN),
    Grant(group="kvm", role=Role.LIEUTENANT, archs=("kvm*",)),
    Grant(group="staff", role=Role.VIEWER),
)


def _provider(op: Op) -> OidcProvider:
    return OidcProvider(
        issuer=op.url,
        client_id=CLIENT,
        client_secret=Secret(op.secret),
        certificates=op.trusted,
    )


def _go(op: Op, url: str) -> str:
    """Return where the provider sends a browser that comes to it."""
    trust = ssl.create_default_context(cafile=op.trusted)
    return httpx.get(url, trust_env=False, verify=trust).headers["location"]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Furnished, Op]]:
    folder = tmp_path_factory.mktemp("provider")
    with (
        furnish(tmp_path_factory.mktemp("house")) as home,
        oidc_provider.serving(f"{home.url}/sign-in/oidc/back", folder) as op,
    ):
        oidc = Oidc(name="Example", provider=_provider(op), grants=GRANTS)
        door = replace(home.house.reception.door, oidc=oidc)
        object.__setattr__(home.house.reception, "door", door)
        yield home, op


@pytest.fixture(autouse=True)
def honest(rig: tuple[Furnished, Op]) -> None:
    rig[1].user, rig[1].lie, rig[1].forge = "ada", None, None


def _leave_for(client: httpx.Client, to: str = "/") -> str:
    """Press the button; return where the browser goes next."""
    form = {"csrf": csrf(client.get("/sign-in")), "to": to}
    page = client.post("/sign-in/oidc", data=form)
    assert page.status_code == HTTPStatus.OK, page.text
    found = re.search(r'<a href="(http[^"]+)">Go on', page.text)
    assert found is not None
    return html.unescape(found[1])


def _sign_in(op: Op, client: httpx.Client, to: str = "/") -> httpx.Response:
    back = _go(op, _leave_for(client, to))
    # The provider led here: this is not from a page of ours.
    headers = {"Sec-Fetch-Site": "cross-site"}
    client.headers.pop("Origin", None)
    return client.get(back, headers=headers)


def test_a_group_of_the_provider_is_a_role_here(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    with browser(home) as client:
        answer = _sign_in(op, client, "/nodes")
        assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/nodes")
        me = client.get("/api/me").json()
        assert (me["name"], me["role"], me["archs"]) == ("ada", "lieutenant", ["kvm*"])
        assert home.house.reception.accounts.one("ada").subject.startswith(op.url)
        page = client.get("/account")
        assert "Change the password" not in page.text
    op.people["ada"]["groups"] = ["staff"]
    with browser(home) as client:
        _sign_in(op, client)
        assert client.get("/api/me").json()["role"] == "viewer", "what it says now is what counts"


def test_what_is_asked_for_has_pkce_state_and_nonce(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    with browser(home) as client:
        _sign_in(op, client)
    asked = op.asked[-1]
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert op.secret not in json.dumps(op.asked)


def test_whoever_is_in_no_group_stays_outside(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    op.user = "eve"
    with browser(home) as client:
        answer = _sign_in(op, client)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "eve is in no group of Example that may come in here" in html.unescape(answer.text)
        assert session_cookie(client) == ""


def test_nobody_becomes_somebody_else_by_a_name(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    op.user = "mallory"
    with browser(home) as client:
        assert "is no user" in _sign_in(op, client).text, "`operator` is what we call ourselves"
        op.people["mallory"]["preferred_username"] = "linus"
        people.add(home, "linus", Role.ADMIN)
        assert "there is a user linus already" in _sign_in(op, client).text
        assert session_cookie(client) == ""


def test_a_disabled_user_stays_outside(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    op.user = "grace"
    with browser(home) as client:
        _sign_in(op, client)
        assert client.get("/api/me").json()["role"] == "admin"
        home.house.reception.accounts.disable("grace")
        assert client.get("/api/me").json()["name"] == ""
        assert "may not come in any more" in _sign_in(op, client).text
    home.house.reception.accounts.enable("grace")


def test_an_answer_counts_in_the_browser_that_asked_and_once(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    with browser(home) as client, browser(home) as victim:
        back = _go(op, _leave_for(client))
        # Login CSRF: an attacker's answer, in somebody else's browser.
        assert victim.get(back).status_code == HTTPStatus.FORBIDDEN
        assert session_cookie(victim) == ""
        _leave_for(victim)
        assert victim.get(back).status_code == HTTPStatus.FORBIDDEN
        state = next(c for c in client.cookies.jar if "_state_" in c.name)
        assert client.get(back).status_code == HTTPStatus.SEE_OTHER
        client.cookies.set(state.name, state.value or "", domain="127.0.0.1")
        assert client.get(back).status_code == HTTPStatus.FORBIDDEN, "an answer counted twice"


def test_what_the_provider_refuses_is_said(rig: tuple[Furnished, Op]) -> None:
    home, _ = rig
    with browser(home) as client:
        state = httpx.URL(_leave_for(client)).params["state"]
        back = client.get("/sign-in/oidc/back", params={"error": "access_denied", "state": state})
        assert back.status_code == HTTPStatus.FORBIDDEN
        assert "Example let nobody in: access_denied" in back.text


def _unsigned(token: str) -> str:
    """Return the token with the algorithm `none`, as an attacker writes it."""
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def _self_signed(token: str) -> str:
    """Return the token signed with a key that everybody has: the public one, as a shared secret."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    body = f"{head}.{token.split('.')[1]}"
    made = hashlib.sha256(body.encode()).digest()
    return f"{body}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _broken(token: str) -> str:
    head, body, _ = token.split(".")
    return f"{head}.{body}.{base64.urlsafe_b64encode(b'x' * 256).decode()}"


@pytest.mark.parametrize("forge", [_unsigned, _self_signed, _broken])
def test_a_token_that_the_provider_did_not_sign_is_refused(
    rig: tuple[Furnished, Op], forge: Callable[[str], str]
) -> None:
    home, op = rig
    op.forge = forge
    with browser(home) as client:
        answer = _sign_in(op, client)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "did not vouch for anybody" in answer.text
        assert session_cookie(client) == ""


_LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "of somebody else's sign-in"},
    "another client": {"aud": "another"},
    "another client that we are authorized for": {"aud": "another", "azp": CLIENT},
    "another issuer": {"iss": "https://evil.example"},
    "long over": {"exp": 1_000_000_000},
}


@pytest.mark.parametrize("lie", _LIES.values(), ids=_LIES.keys())
def test_a_token_about_something_else_is_refused(
    rig: tuple[Furnished, Op], lie: dict[str, Any]
) -> None:
    home, op = rig
    op.lie = lambda claims: claims | lie
    with browser(home) as client:
        assert "did not vouch for anybody" in _sign_in(op, client).text
        assert session_cookie(client) == ""


def test_a_token_without_nonce_is_refused(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    op.lie = lambda claims: {name: told for name, told in claims.items() if name != "nonce"}
    with browser(home) as client:
        assert "did not vouch for anybody" in _sign_in(op, client).text


def test_a_stolen_code_is_worth_nothing_without_the_verifier(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    provider, redirect = _provider(op), f"{home.url}/sign-in/oidc/back"
    started = provider.begin(redirect, _deadline(home))
    back = _go(op, started.url)
    code = httpx.URL(back).params["code"]
    with pytest.raises(Denied, match="did not vouch for anybody"):
        provider.finish(code, redirect, replace(started, verifier="x" * 64), _deadline(home))
    assert started.verifier not in repr(started)


def test_a_provider_that_is_silent_or_another_is_told(rig: tuple[Furnished, Op]) -> None:
    home, op = rig
    silent = OidcProvider(issuer="https://127.0.0.1:9", client_id=CLIENT, client_secret=Secret("x"))
    with pytest.raises(InfraError, match="does not answer"):
        silent.begin(f"{home.url}/", _deadline(home))
    other = replace(_provider(op), issuer=f"{op.url}/")
    with pytest.raises(InfraError, match="is not the provider"):
        other.begin(f"{home.url}/", _deadline(home))


def _deadline(home: Furnished) -> Deadline:
    return Deadline(home.clock, 20)

"""What browsers do with the pages: sign in and out, forms, and what other sites make them send."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from orchestrator.model.access import Role
from orchestrator.model.secret import Secret
from orchestrator.service.door import MOST_NAMED
from orchestrator.web.app import build
from orchestrator.web.rights import NEEDS
from tests.unit import people
from tests.unit.people import browser, csrf, session_cookie, sign_in
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_inside import Inside

TEMPLATES = Path(__file__).parents[2] / "orchestrator" / "web" / "templates"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture(scope="module")
def passwords(home: Furnished) -> dict[str, str]:
    """Ada is a developer, grace an admin."""
    roles = {"ada": Role.DEVELOPER, "grace": Role.ADMIN}
    return {name: people.add(home, name, role) for name, role in roles.items()}


@pytest.fixture
def ada(home: Furnished, passwords: dict[str, str]) -> Iterator[httpx.Client]:
    with browser(home) as client:
        assert sign_in(client, "ada", passwords["ada"]).status_code == HTTPStatus.SEE_OTHER
        yield client


@pytest.fixture
def grace(home: Furnished, passwords: dict[str, str]) -> Iterator[httpx.Client]:
    with browser(home) as client:
        assert sign_in(client, "grace", passwords["grace"]).status_code == HTTPStatus.SEE_OTHER
        yield client


def test_before_there_are_users_the_user_of_this_host_acts(tmp_path: Path) -> None:
    with furnish(tmp_path) as home, browser(home) as client:
        page = client.get("/account")
        assert "the user of this host" in page.text
        token = client.get("/nodes").text.split('csrf-token" content="')[1][:64]
        write = {"X-CSRF-Token": token, "Accept": "application/json"}
        drain = {"json": {"reason": "new disk"}, "headers": write}
        assert client.post("/api/nodes/n02/drain", **drain).status_code == HTTPStatus.OK
        for wrong in ({"Host": "lab.example.org"}, {"X-Forwarded-For": "10.0.0.7"}):
            headers = write | wrong
            if "Host" in wrong:
                headers["Origin"] = "http://lab.example.org"
            answer = client.post("/api/nodes/n02/restore", json={}, headers=headers)
            assert answer.status_code == HTTPStatus.UNAUTHORIZED, wrong
        assert client.post("/api/nodes/n02/restore").status_code == HTTPStatus.UNAUTHORIZED
        people.add(home, "ada", Role.VIEWER)
        # From the first user on everybody signs in.
        answer = client.post("/api/nodes/n02/restore", json={}, headers=write)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


def test_a_connection_of_another_user_is_not_ours(home: Furnished) -> None:
    peers = home.house.reception.door.peers
    assert not peers.ours(("127.0.0.1", 9), ("127.0.0.1", 10))
    assert not peers.ours(("10.0.0.7", 9), ("10.0.0.1", 10))
    assert not peers.ours(("nonsense", 9), ("127.0.0.1", 10))


def test_a_sign_in_leads_on_to_our_own_pages_only(
    home: Furnished, passwords: dict[str, str]
) -> None:
    for to, led in (
        ("/runs/1?x=1", "/runs/1?x=1"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ):
        with browser(home) as client:
            answer = sign_in(client, "ada", passwords["ada"], to)
            assert answer.headers["location"] == led


def test_the_cookie_is_for_our_own_pages_and_no_script(
    home: Furnished, passwords: dict[str, str]
) -> None:
    with browser(home) as client:
        answer = sign_in(client, "ada", passwords["ada"])
        said = next(c for c in answer.headers.get_list("set-cookie") if "mark" not in c)
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(said.split("; "))
        assert "Secure" not in said
        page = client.get("/account")
        assert page.headers["cache-control"] == "no-store"
        assert session_cookie(client) not in page.text


def test_a_proxy_is_believed_only_if_the_lab_names_it(home: Furnished) -> None:
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.7"}
    for proxies, believed in (((), False), (("10.9.9.9",), False), (("127.0.0.1",), True)):
        rules = replace(home.house.reception.rules, proxies=proxies, requests=1)
        house = replace(home.house, reception=replace(home.house.reception, rules=rules))
        client = Inside(build(house))
        said = client.get("/sign-in", headers=proxied).headers.get_list("set-cookie")
        assert ("Secure" in said[0].split("; ")) is believed, proxies
        # each address has an allowance of its own, here of one request
        assert client.get("/api/health", headers=proxied).status_code == HTTPStatus.OK
        other = client.get("/api/health", headers=proxied | {"X-Forwarded-For": "10.0.0.8"})
        assert (other.status_code == HTTPStatus.OK) is believed, proxies


def test_no_session_can_be_planted(home: Furnished, passwords: dict[str, str]) -> None:
    """Session fixation: what an attacker put into the browser before is worth nothing after."""
    planted = "a" * 43
    with browser(home) as client, browser(home) as attacker:
        name = f"smoketest_{home.house.identity.orchestrator}"
        client.cookies.set(name, planted, domain="127.0.0.1")
        attacker.cookies.set(name, planted, domain="127.0.0.1")
        sign_in(client, "ada", passwords["ada"])
        assert session_cookie(client) != planted
        assert client.get("/api/me").json()["name"] == "ada"
        assert attacker.get("/api/me").json()["name"] == ""


def test_each_sign_in_makes_a_new_session_and_ends_the_old(
    home: Furnished, passwords: dict[str, str], ada: httpx.Client
) -> None:
    old = session_cookie(ada)
    # Signed in, the page leads on; a form of an older page still counts, with its own token.
    form = {"csrf": csrf(ada.get("/account")), "name": "grace", "password": passwords["grace"]}
    assert ada.post("/sign-in", data=form).status_code == HTTPStatus.SEE_OTHER
    assert session_cookie(ada) != old
    with browser(home) as thief:
        thief.cookies.set(f"smoketest_{home.house.identity.orchestrator}", old, domain="127.0.0.1")
        assert thief.get("/api/me").json()["name"] == ""


def test_signing_out_ends_it_for_whoever_copied_the_cookie(
    home: Furnished, ada: httpx.Client
) -> None:
    shown = session_cookie(ada)
    token = csrf(ada.get("/account"))
    assert ada.post("/sign-out", data={"csrf": token}).status_code == HTTPStatus.SEE_OTHER
    assert session_cookie(ada) == ""
    assert home.house.reception.door.who(shown) is None


def test_a_session_ends_by_itself(home: Furnished, passwords: dict[str, str]) -> None:
    door = home.house.reception.door
    with browser(home) as client:
        sign_in(client, "ada", passwords["ada"])
        shown = session_cookie(client)
    assert door.who(shown) is not None

    class Later:
        def __init__(self, after: timedelta) -> None:
            self.after = after

        def now(self) -> object:
            return home.clock.now() + self.after

    for after in (door.rules.idle, door.rules.longest):
        late = replace(door, clock=Later(after))
        assert late.who(shown) is None
        assert door.who(shown) is None, "what is over does not come back"
        with browser(home) as client:
            sign_in(client, "ada", passwords["ada"])
            shown = session_cookie(client)


def test_what_is_kept_opens_nothing(
    home: Furnished, passwords: dict[str, str], ada: httpx.Client
) -> None:
    shown = session_cookie(ada)
    database = Path(home.files).parent / "store.sqlite"
    wal = database.with_name("store.sqlite-wal")
    kept = database.read_bytes() + (wal.read_bytes() if wal.exists() else b"")
    assert shown.encode() not in kept
    assert passwords["ada"].encode() not in kept
    assert b"$argon2id$" in kept


FORMS = sorted(
    route
    for route, need in NEEDS.items()
    if not route.startswith("GET")
    and not need.program
    and not route.startswith("POST /jenkins")
    and "/partner/" not in route
)


@pytest.mark.parametrize("route", FORMS)
def test_no_form_works_from_another_site(grace: httpx.Client, home: Furnished, route: str) -> None:
    """The browser of an admin is led here by a hostile page: nothing that changes is done."""
    method, _, path = route.partition(" ")
    for hole, text in (
        *(("{run}", "1"), ("{arch}", "kvm-flat"), ("{name}", "ada"), ("{node}", "n01")),
        *(("{token}", "x"), ("{message}", "x"), ("{session}", "x"), ("{waiver}", "1")),
    ):
        path = path.replace(hole, text)
    token = csrf(grace.get("/account"))
    form = {"name": "mallory", "role": "admin", "password": people.sentence()}
    before = home.house.reception.accounts.all()
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),  # no token
        ({"csrf": "0" * 64}, {}),
        ({"csrf": token}, {"Origin": "https://evil.example"}),
        ({"csrf": token}, {"Origin": "null"}),
        ({"csrf": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": token}, {"Sec-Fetch-Site": "same-site"}),
    ]
    for more, headers in cases:
        answer = grace.request(method, path, data=form | more, headers=headers)
        assert answer.status_code == HTTPStatus.FORBIDDEN, (more, headers, answer.text)
    assert home.house.reception.accounts.all() == before


def test_a_form_of_another_browser_does_not_work(home: Furnished, grace: httpx.Client) -> None:
    with browser(home) as attacker:
        theirs = csrf(attacker.get("/sign-in"))
    answer = grace.post("/users/ada/disable", data={"csrf": theirs})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not home.house.reception.accounts.one("ada").disabled


def test_nobody_is_signed_in_by_a_form_of_another_site(
    home: Furnished, passwords: dict[str, str]
) -> None:
    """Login CSRF: the victim would work in the attacker's account without knowing."""
    with browser(home) as victim, browser(home) as attacker:
        form = {"csrf": csrf(attacker.get("/sign-in")), "name": "ada"}
        answer = victim.post("/sign-in", data=form | {"password": passwords["ada"]})
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert session_cookie(victim) == ""


def test_every_form_of_every_template_brings_the_token_back() -> None:
    forms = 0
    for template in TEMPLATES.glob("*.html"):
        for part in template.read_text().split("<form")[1:]:
            head, _, body = part.partition(">")
            if "post" not in head.lower():
                continue
            forms += 1
            inside = body.partition("</form>")[0]
            brings = "form.token()" in inside or "part.csrf(visitor)" in inside
            assert brings, (template.name, head)
    assert forms >= 8


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    with furnish(tmp_path) as home, browser(home) as client:
        password = people.add(home, "ada", Role.VIEWER)
        for _ in range(MOST_NAMED):
            answer = sign_in(client, "ada", "a guess of somebody's")
            assert answer.status_code == HTTPStatus.FORBIDDEN
            assert "no such user, or another password" in answer.text
        answer = sign_in(client, "ada", password)
        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert "wait 15 minutes" in answer.text
        unknown = sign_in(client, "nobody-here", "a guess of somebody's")
        assert "no such user, or another password" in unknown.text


def test_an_admin_adds_changes_and_disables_users(home: Furnished, grace: httpx.Client) -> None:
    token = csrf(grace.get("/users"))
    form = {"csrf": token, "name": "linus", "role": "lieutenant", "archs": "kvm*"}
    weak = grace.post("/users", data=form | {"password": "passwordpassword"})
    assert "soon guessed" in weak.text
    assert "passwordpassword" not in weak.text
    secret = people.sentence()
    assert grace.post("/users", data=form | {"password": secret}).status_code == 303
    with browser(home) as linus:
        sign_in(linus, "linus", secret)
        me = linus.get("/api/me").json()
        assert (me["role"], me["archs"], me["rights"]["promote"]) == (
            "lieutenant",
            ["kvm*"],
            "archs",
        )
        assert linus.get("/users").status_code == HTTPStatus.FORBIDDEN
        role = {"csrf": token, "role": "viewer"}
        assert grace.post("/users/linus/role", data=role).status_code == HTTPStatus.SEE_OTHER
        assert linus.get("/api/me").json()["role"] == "viewer"
        grace.post("/users/linus/disable", data={"csrf": token})
        assert linus.get("/api/me").json()["name"] == ""
        assert sign_in(linus, "linus", secret).status_code == HTTPStatus.FORBIDDEN
        grace.post("/users/linus/enable", data={"csrf": token})
        assert sign_in(linus, "linus", secret).status_code == HTTPStatus.SEE_OTHER
    taken = grace.post("/users", data=form | {"password": secret})
    assert "there is a user linus already" in taken.text


def test_ones_own_tokens_are_shown_once_and_end_with_the_account(
    home: Furnished, ada: httpx.Client
) -> None:
    form = {"csrf": csrf(ada.get("/account")), "days": "2", "note": "laptop"}
    more = ada.post("/account/tokens", data=form | {"role": "operator"})
    assert "a token cannot do more than its owner" in more.text
    made = ada.post("/account/tokens", data=form | {"role": "developer"})
    opens = made.text.split('<code class="type">st_')[1].split("<")[0]
    headers = {"Authorization": f"Bearer st_{opens}"}
    assert home.client().get("/api/me", headers=headers).json()["name"] == "ada"
    again = ada.get("/account")
    assert opens not in again.text
    assert "laptop" in again.text
    accounts = home.house.reception.accounts
    accounts.disable("ada")
    assert home.client().get("/api/me", headers=headers).status_code == HTTPStatus.UNAUTHORIZED
    accounts.enable("ada")
    token = home.house.gate.all()[0]
    assert ada.get("/account").status_code == HTTPStatus.SEE_OTHER, "its sessions ended too"
    home.house.gate.revoke(token.id)
    assert home.client().get("/api/me", headers=headers).status_code == HTTPStatus.UNAUTHORIZED


def test_a_new_password_ends_every_other_session(home: Furnished) -> None:
    old, new = people.add(home, "barbara", Role.VIEWER), people.sentence()
    with browser(home) as here, browser(home) as there:
        sign_in(here, "barbara", old)
        sign_in(there, "barbara", old)
        form = {"csrf": csrf(here.get("/account")), "old": old, "new": new, "again": new}
        wrong = here.post("/account/password", data=form | {"old": new})
        assert "not your present password" in wrong.text
        assert here.post("/account/password", data=form).status_code == HTTPStatus.SEE_OTHER
        assert here.get("/api/me").json()["name"] == "barbara"
        assert there.get("/api/me").json()["name"] == ""
        assert not home.house.reception.door.passwords.right(
            home.store.users.find("barbara")[1], Secret(old)
        )


def test_every_change_is_in_the_record_and_no_secret(home: Furnished, grace: httpx.Client) -> None:
    token = csrf(grace.get("/users"))
    secret = people.sentence()
    form = {"csrf": token, "name": "edsger", "role": "viewer", "password": secret}
    grace.post("/users", data=form)
    write = {"X-CSRF-Token": token, "Accept": "application/json"}
    grace.post("/api/nodes/n03/drain", json={"reason": "it smells"}, headers=write)
    grace.post("/api/nodes/n99/drain", json={"reason": "which?"}, headers=write)
    lost, drained, added = home.house.reception.ledger.newest(before=0, limit=3)
    assert (added.who, added.role, added.action) == ("grace", "admin", "POST /users")
    assert added.said == "role=viewer, name=edsger"
    assert added.address == "127.0.0.1"
    assert added.via == "session"
    assert (drained.target, drained.said, drained.status) == (
        "/api/nodes/n03/drain",
        "reason=it smells",
        200,
    )
    assert lost.status == HTTPStatus.NOT_FOUND
    page = grace.get("/audit")
    assert "it smells" in page.text
    for hidden in (secret, token):
        assert hidden not in page.text.partition("<main")[2]
    told = grace.get("/api/audit?who=grace&limit=2").json()
    assert [one["number"] for one in told] == [lost.number, drained.number]
    older = grace.get(f"/api/audit?before={drained.number}&limit=1").json()
    assert older[0]["number"] == added.number

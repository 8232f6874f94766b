"""What a hostile branch writes, and what somebody types: inert on every page there is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from orchestrator.model.access import Role
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.web import app as web
from orchestrator.web.guard import POLICY
from tests.unit import people
from tests.unit.people import browser, sign_in
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import Scene

WEB = Path(web.__file__).parent
#: breaks out of text, attributes, addresses, scripts, styles, comments and templates; ANSI, a title
#: for the terminal, a hyperlink of it, and text that runs backwards
HOSTILE = (
    "'\"></title></style></script><!--><img src=x onerror=alert(1)><script>alert(2)</script>"
    "<svg onload=alert(3)><a href=javascript:alert(4)>x</a>{{ 7*7 }}{% raw %}${7*7}"
    "\x1b[31m\x1b]0;owned\x07\x1b]8;;javascript:alert(5)\x07click\x1b]8;;\x07\u202egnp.exe\x00\x9b1m"
)
#: a kept file of the branch's, named by it
LOG = re.sub(r"[/\x00-\x1f\x9b]", "", HOSTILE)[:100] + ".log"


class Elements(HTMLParser):
    """Collects elements and attributes as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        #: what stands inside script and style elements
        self.inside: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in = tag

    def handle_endtag(self, tag: str) -> None:
        self._in = "" if tag == self._in else self._in

    def handle_data(self, data: str) -> None:
        if self._in in {"script", "style"} and data.strip():
            self.inside.append(data)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnish(tmp_path_factory.mktemp("house")) as found:
        # An arch is a file of the product's repository: its summary is as hostile as the branch.
        archs = found.house.library.lab.archs
        wicked = replace(archs["kvm-flat"], summary=HOSTILE, lieutenants=(HOSTILE,))
        archs["kvm-flat"] = wicked  # type: ignore[index]  # the fixture's own dictionary
        _fill(found)
        yield found


def _fill(home: Furnished) -> None:
    scene = Scene(home, home.clock.now())
    scene.ask(f"branch{HOSTILE}", HOSTILE, ("kvm-flat",), reason=HOSTILE)
    scene.grant()
    attempt = AttemptId("1/kvm-flat/1")
    tests = tuple(
        TestResult(
            name=f"{HOSTILE}{n}", outcome=outcome, seconds=1, message=HOSTILE, excerpt=HOSTILE
        )
        for n, outcome in enumerate(Outcome)
    )
    ruling = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=HOSTILE)
    scene.tell(
        attempt,
        Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests, text=HOSTILE),
        Event(kind=Kind.PROGRESS, stage=Stage.SMOKE, text=HOSTILE, excerpt=HOSTILE),
        Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=HOSTILE),
    )
    scene.keep(attempt, LOG, f"{HOSTILE}\n" * 3)
    scene.keep(attempt, "page.html", HOSTILE)
    home.writer().post("/api/nodes/n01/drain", json={"reason": HOSTILE})
    patches = [{"name": HOSTILE[:200], "text": "no patch"}]
    body = home.body(patches=patches, requester=HOSTILE[:100], reason=HOSTILE)
    assert home.writer().post("/api/runs", json=body).status_code == HTTPStatus.CREATED
    token = {"role": "vendor", "partner": "hp", "note": HOSTILE}
    assert home.writer().post("/api/tokens", json=token).status_code == HTTPStatus.CREATED


@pytest.fixture(scope="module")
def admin(home: Furnished) -> Iterator[httpx.Client]:
    password = people.add(home, "grace", Role.ADMIN)
    with browser(home) as client:
        client.headers["User-Agent"] = re.sub(r"[\x00-\x1f]", "", HOSTILE[:120])
        assert sign_in(client, "grace", password).status_code == HTTPStatus.SEE_OTHER
        yield client


def _addresses(home: Furnished) -> list[str]:
    """Return every address of a page, with what is hostile in each hole."""
    found = []
    wicked = quote(HOSTILE, safe="")
    for context in iter_route_contexts(web.build(home.house).routes):
        methods = getattr(context, "methods", None) or ()
        path = context.path or ""
        if "GET" not in methods or path.startswith(("/api", "/jenkins", "/boot", "/feeds")):
            continue
        plain = path.replace("{run}", "1").replace("{arch}", "kvm-flat").replace("{number}", "1")
        plain = plain.replace("{name:path}", quote(LOG, safe=""))
        plain = plain.replace("{name}", {"/nodes/{name}": "n01"}.get(path, "hp"))
        found.append(plain)
        found += [f"{plain}?{name}={wicked}" for name in ("repo", "who", "to", "q", "ref", "arch")]
        if "{" in path:
            found.append(re.sub(r"\{[^}]+\}", wicked, path))
    return [*found, f"/{wicked}"]


def test_every_page_shows_it_as_text_and_nothing_else(home: Furnished, admin: httpx.Client) -> None:
    seen = 0
    for address in _addresses(home):
        answer = admin.get(address)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        seen += 1
        page = Elements(answer.text)
        where = f"{address[:80]}: "
        assert "img" not in page.tags, where
        assert page.inside == [], where
        assert not [a for a in page.attributes if a[1].startswith("on")], where
        assert not [a for a in page.attributes if a[1] == "style"], where
        led = [value for _, name, value in page.attributes if name in {"href", "src", "action"}]
        assert not [to for to in led if not to.startswith(("/", "#", "http"))], where
        scripts = [a for a in page.attributes if a[0] == "script" and a[1] == "src"]
        assert len(scripts) == page.tags.count("script"), where
        assert all(value.startswith("/static/") for _, _, value in scripts), where
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", answer.text), where
        assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|>49<", answer.text), where
        assert answer.headers["content-security-policy"] == POLICY, where
    assert seen > 20


def test_kept_files_are_bytes_and_never_pages(admin: httpx.Client) -> None:
    answer = admin.get("/api/files/1/kvm-flat/1/page.html")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_policy_lets_nothing_inline_run() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["form-action"] == "'self'"
    assert "unsafe" not in POLICY
    assert not re.search(r"nonce-|sha256-|\*|data:|https?:", POLICY)


def test_every_answer_carries_the_headers(home: Furnished) -> None:
    for path in ("/", "/nowhere", "/api/health", "/static/style.css", "/sign-in", "/hooks/x"):
        headers = home.client().get(path).headers
        assert headers["content-security-policy"] == POLICY, path
        assert headers["x-content-type-options"] == "nosniff", path
        # `no-referrer` would hide from us as well where a form comes from.
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path


@pytest.mark.parametrize("template", sorted(WEB.glob("templates/*.html")), ids=lambda p: p.name)
def test_no_template_has_anything_inline(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\x22\x27]|javascript:", text, re.I)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"hx-on|hx-vals=['\"]js:|hx-headers=['\"]js:", text), (
        "htmx evaluates these"
    )
    assert not re.search(r"\|\s*safe\b|Markup\(", text), "everything is escaped"


def test_no_script_of_ours_makes_markup_of_text() -> None:
    for script in WEB.glob("static/*.js"):
        text = script.read_text()
        found = re.search(r"innerHTML\s*=|outerHTML\s*=|insertAdjacentHTML|document\.write", text)
        assert not found, script.name
        assert not re.search(r"\beval\(|new Function\(", text), script.name

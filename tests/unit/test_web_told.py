"""What is told to others: the Atom feed, JUnit and CTRF, and the outbox."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from junitparser import JUnitXml

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.notice import Subscription
from tests.unit.web_house import Furnished, furnish
from tests.unit.web_scene import busy_day

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """A house after a busy day, one listener subscribed from its morning."""
    with furnish(tmp_path_factory.mktemp("told")) as found:
        wanted = Subscription(name="hook", digest=0)
        now = found.clock.now()
        found.store.notices.collect(wanted, lambda _: ("",), now)
        busy_day(found)
        found.store.notices.collect(wanted, lambda _: ("",), now)
        found.store.notices.bundle(wanted, now)
        yield found


def _feed(text: str) -> Xml.Element:
    return Xml.fromstring(text)  # noqa: S314  # our own


def test_the_feed_tells_changes_only_the_newest_first(home: Furnished) -> None:
    answer = home.client().get("/feeds/changes.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = _feed(answer.text)
    entries = feed.findall(f"{ATOM}entry")
    titles = [entry.findtext(f"{ATOM}title") for entry in entries]
    assert "hyperv-flat fails on sample@multi-nic" in titles
    assert not any("passes" in str(title) and "trunk" in str(title) for title in titles)
    times = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert times == sorted(times, reverse=True)
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    assert "/cells/" in link.attrib["href"]


def test_the_feed_is_filtered_by_globs(home: Furnished) -> None:
    query = {"ref": "flaky-*", "arch": "kvm-*", "repo": "sample"}
    feed = _feed(home.client().get("/feeds/changes.atom", params=query).text)
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert titles == ["kvm-vlan fails on sample@flaky-volumes"]
    empty = home.client().get("/feeds/changes.atom", params={"repo": "none"})
    assert _feed(empty.text).findall(f"{ATOM}entry") == []


def test_junit_is_what_the_reference_parser_reads(home: Furnished) -> None:
    answer = home.client().get("/api/runs/4/export/junit")
    suites = list(JUnitXml.fromstring(answer.content))
    red = next(suite for suite in suites if suite.name == "hyperv-flat")
    assert (red.tests, red.failures, red.errors) == (7, 1, 0)
    case = next(case for case in red if case.result)
    assert case.classname == "smoketest.hyperv-flat.compute/test_servers.py"
    assert "mac_address" in case.result[0].message
    green = next(suite for suite in suites if suite.name == "kvm-flat")
    assert (green.tests, green.failures) == (7, 0)


def test_a_cell_without_tests_is_a_case_that_says_why(home: Furnished) -> None:
    suites = JUnitXml.fromstring(home.client().get("/api/runs/3/export/junit").content)
    for suite in suites:
        (case,) = suite
        assert suite.failures == 1
        assert "compute_driver" in case.result[0].message


def test_ctrf_counts_what_it_lists(home: Furnished) -> None:
    told = home.client().get("/api/runs/4/export/ctrf").json()
    assert told["reportFormat"] == "CTRF"
    results = told["results"]
    assert results["tool"]["name"] == "smoketest"
    statuses = [test["status"] for test in results["tests"]]
    summary = results["summary"]
    assert summary["tests"] == len(statuses)
    assert summary["failed"] == statuses.count("failed") == 5
    assert summary["start"] < summary["stop"]


def test_another_form_is_refused(home: Furnished) -> None:
    answer = home.client().get("/api/runs/4/export/tap")
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_the_outbox_needs_the_token(home: Furnished) -> None:
    assert home.client().get("/api/notices").status_code == HTTPStatus.UNAUTHORIZED
    (message,) = home.writer().get("/api/notices").json()
    assert message["state"] == "waiting"
    again = home.writer().post(f"/api/notices/{message['id']}/replay")
    assert again.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "not in the lab file any more" in again.json()["detail"]


def test_people_type_it(
    home: Furnished,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
    monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path))
    for words, begins in (
        (("show", "4", "--format", "junit"), "<?xml"),
        (("show", "4", "--format", "ctrf"), "{"),
        (("notices",), "message"),
    ):
        assert carry_out(app, [*words, "--server", home.url]) == 0
        assert capsys.readouterr().out.startswith(begins)
    assert carry_out(app, ["notices", "--json", "--server", home.url]) == 0
    assert len(json.loads(capsys.readouterr().out)["messages"]) == 1
    assert carry_out(app, ["notices", "hok", "--server", home.url]) == 2
    assert "[notices.hok]" in capsys.readouterr().err

"""How ready a default is to be flipped, against tables made by hand."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.flipping import ENOUGH, Result, differences, ready, steady, twins
from orchestrator.model.ids import AttemptId
from orchestrator.model.request import Request
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.storing import arch, plan
from tests.unit.web_house import Furnished, furnish

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def result(number: int, value: str, *red: str, other: str = "kvm") -> Result:
    made = arch(f"{other}-{value}")
    axes = (("network", value), ("hypervisor", other))
    return Result(
        commit=f"c{number:02d}",
        at=START + timedelta(hours=number),
        arch=replace(made, axes=axes, source="a.yaml:1"),
        passed=not red,
        red=frozenset(red),
    )


def rows(*pairs: tuple[str, str]) -> list[Result]:
    """One commit after the other: what is red with flat, and what with vlan."""
    found = []
    for number, (default, candidate) in enumerate(pairs, 1):
        found += [
            result(number, "flat", *default.split()),
            result(number, "vlan", *candidate.split()),
        ]
    return found


def test_tests_that_differ_and_since_when() -> None:
    table = [("", "boot"), ("", ""), ("old", "boot"), ("", "boot"), ("both", "both boot")]
    pairs = twins(rows(*table), "network", "flat", "vlan")
    found = {(d.test, d.worse): (d.commits, d.since, d.last) for d in differences(pairs)}
    assert found == {("boot", True): (4, "c03", "c05"), ("old", False): (1, "", "c03")}
    assert [d.test for d in differences(pairs)] == ["boot", "old"]
    assert steady(pairs) == ()
    assert not ready(pairs)


def test_enough_commits_in_a_row_make_it_ready() -> None:
    quiet = [("", "")] * (ENOUGH - 1)
    assert not ready(twins(rows(("", "x"), *quiet), "network", "flat", "vlan"))
    pairs = twins(rows(("", "x"), *quiet, ("worse-before", "")), "network", "flat", "vlan")
    assert (ready(pairs), steady(pairs)[0], len(steady(pairs))) == (True, "c02", ENOUGH)


def test_only_the_same_commit_on_archs_that_are_otherwise_alike_is_compared() -> None:
    lonely = [result(1, "flat"), result(2, "vlan"), result(3, "flat", other="xenserver")]
    lonely += [result(3, "vlan", other="kvm")]
    assert twins(lonely, "network", "flat", "vlan") == ()


def test_of_a_commit_that_was_tried_again_the_newest_counts() -> None:
    again = replace(result(1, "vlan"), at=START + timedelta(hours=2))
    pairs = twins([again, *rows(("", "boot"))], "network", "flat", "vlan")
    assert [pair.worse for pair in pairs] == [frozenset()]


def test_a_commit_is_steady_only_if_it_is_on_every_hypervisor() -> None:
    table = [*rows(("", "")), result(1, "flat", other="hyperv")]
    table += [result(1, "vlan", "boot", other="hyperv")]
    pairs = twins(table, "network", "flat", "vlan")
    assert (len(pairs), steady(pairs)) == (2, ())


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A house, and a shell at it."""

    home: Furnished
    capture: pytest.CaptureFixture[str]

    def type(self, *words: str) -> tuple[int, str, str]:
        status = carry_out(app, [*words, "--server", self.home.url])
        said = self.capture.readouterr()
        return status, said.out, said.err

    def tried(self, sha: str, reds: dict[str, str], repo: str = "") -> None:
        """Store a run: each arch's red test, none for a green one."""
        archs = self.home.house.desk.lab.archs
        request = Request(repo=repo or self.home.repo, ref="trunk", requester="ada")
        bad = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="a test")
        rulings = {n: bad if red else Ruling(verdict=Verdict.PASSED) for n, red in reds.items()}
        what = plan(*(archs[name] for name in reds), sha=sha)
        run = self.home.store.runs.add(request, what, rulings, self.home.clock.now())
        for name, red in reds.items():
            tests = (TestResult(name=red or "fine", outcome=Outcome.FAILED, seconds=1),)
            event = Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests if red else ())
            attempt = AttemptId(f"{run.id}/{name}/1")
            self.home.store.events.append(attempt, [event], self.home.clock.now())


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    with furnish(tmp_path) as home:
        monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
        monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path / "home"))
        yield Desk(home=home, capture=capsys)


def test_the_report_is_what_the_store_remembers(desk: Desk) -> None:
    for number in range(1, 13):
        sha = f"{number:x}" * 40
        red = "test_boot" if number <= 2 else ""
        desk.tried(sha, {"kvm-flat": "", "kvm-vlan": red, "hyperv-flat": ""})
    status, out, _ = desk.type("flip", "network", "--json")
    found: Any = json.loads(out)
    assert (status, found["axis"], found["default"]) == (0, "network", "flat")
    (vlan,) = found["candidates"]
    assert (vlan["commits"], vlan["default_passed"], vlan["passed"]) == (12, 12, 10)
    assert (vlan["ready"], vlan["steady"]) == (True, 10)
    assert vlan["steady_since"].endswith("@3333333333")
    (boot,) = vlan["differences"]
    assert (boot["test"], boot["commits"], boot["since"]) == ("test_boot", 2, "")
    desk.tried("e" * 40, {"kvm-flat": "", "kvm-vlan": "test_boot"})
    status, out, _ = desk.type("flip", "network", "--repo", desk.home.repo)
    assert status == 0
    assert "10 of 13 (77%)" in out
    assert "test_boot is red with vlan only, on the newest commit" in " ".join(out.split())
    assert f"on 3 commits, since {desk.home.repo}@eeeeeeeeee" in out


def test_an_unknown_axis_names_those_that_there_are(desk: Desk) -> None:
    status, _, err = desk.type("flip", "engine")
    assert (status, "there are hypervisor, network" in err) == (2, True)


def test_of_one_repository_only_the_archs_that_deploy_it_have_values(desk: Desk) -> None:
    archs: Any = desk.home.house.desk.lab.archs
    for name, value in (("kvm-flat", "classic"), ("kvm-vlan", "quorum")):
        axes = (("network", value),)
        archs[f"cloud-{value}"] = replace(archs[name], axes=axes, projects=("nova",))
    found: Any = json.loads(desk.type("flip", "network", "--repo", "/src/nova", "--json")[1])
    assert (found["default"], [one["value"] for one in found["candidates"]]) == (
        "classic",
        ["quorum"],
    )


def test_without_a_repository_those_that_ran_have_to_agree(desk: Desk) -> None:
    archs: Any = desk.home.house.desk.lab.archs
    for name, value in (("kvm-flat", "classic"), ("kvm-vlan", "quorum")):
        axes = (("network", value),)
        cloud = f"cloud-{value}"
        archs[cloud] = replace(archs[name], name=cloud, axes=axes, projects=("nova",))
    desk.tried("a" * 40, {"kvm-flat": "", "kvm-vlan": ""})
    found: Any = json.loads(desk.type("flip", "network", "--json")[1])
    assert (found["default"], [one["value"] for one in found["candidates"]]) == ("flat", ["vlan"])
    desk.tried("b" * 40, {"cloud-classic": "", "cloud-quorum": ""}, repo="/src/nova")
    status, _, err = desk.type("flip", "network")
    assert status == 2
    assert "network has other values for /src/nova than for" in err
    assert "say --repo" in err

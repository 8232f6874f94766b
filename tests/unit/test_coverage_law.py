"""The law of coverage against a table made by hand, from the store to the command line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.coverage import Outcome, best, standing
from orchestrator.model.node import Provenance
from orchestrator.model.quality import ENOUGH, LATELY, NEWEST, Grade
from orchestrator.model.request import Request
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.repository import commit
from tests.contract.storing import plan
from tests.unit.web_house import Furnished, furnish

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARCH = Arch(
    name="kvm-flat",
    summary="x",
    roles=(Role(name="cloud", count=1, needs=frozenset(), install="debian", groups=("all",)),),
    deploy=Deploy(play="site.yml"),
    smoke=Smoke(suite="compute"),
)
WORDS = {"+": Verdict.PASSED, "x": Verdict.FAILED, "!": Verdict.BROKEN}
#: (results, the newest first; of another branch in brackets), votes, age of the newest in days,
#: grade, what the reason says
TABLE = [
    ("+++", True, 0, Grade.A, "3 of its newest 3 are decided"),
    ("+xx", True, 0, Grade.A, "votes"),
    ("+" * 9 + "!", True, 0, Grade.A, "9 of its newest 10"),
    ("+" * 8 + "!!", True, 0, Grade.B, "could not tell 2 of its newest 10 times"),
    ("+++", False, 0, Grade.B, "does not vote"),
    ("+", True, 0, Grade.B, "was decided once only, which is too few"),
    ("++", True, 0, Grade.B, "was decided twice only, which is too few"),
    ("x++", True, 0, Grade.B, "is red on this branch"),
    ("!x++++++++++", True, 0, Grade.B, "is red on this branch"),
    ("(x)+++", True, 0, Grade.A, "votes"),
    ("(+)(+)(+)", True, 0, Grade.B, "was not tried on this branch"),
    ("xxx", True, 0, Grade.C, "was never green in 30 days"),
    ("!!!", True, 0, Grade.C, "was never green"),
    ("", True, 0, Grade.C, "has no result in 30 days"),
    ("+++", True, LATELY.days + 1, Grade.C, "has no result"),
    ("x" * NEWEST + "+++", True, 0, Grade.C, "was never green"),
]


def outcomes(text: str, age: int) -> list[Outcome]:
    found, inside = [], False
    for word in text:
        if word in "()":
            inside = word == "("
            continue
        found.append(
            Outcome(
                commit="other" if inside else "ours",
                verdict=WORDS[word],
                at=NOW - timedelta(days=age, minutes=len(found)),
                provenance=Provenance.SIMULATED,
            )
        )
    return found


@pytest.mark.parametrize(("results", "voting", "age", "grade", "says"), TABLE)
def test_an_arch_is_graded_as_in_the_table(
    results: str, voting: bool, age: int, grade: Grade, says: str
) -> None:
    found = standing(replace(ARCH, voting=voting), outcomes(results, age), {"ours"}, NOW)
    assert (found.grade, says in found.because) == (grade, True), found.because


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A house over a product with drivers, and a shell at it."""

    home: Furnished
    capture: pytest.CaptureFixture[str]
    sha: str

    def type(self, *words: str) -> Typed:
        status = carry_out(app, [*words, "--server", self.home.url])
        said = self.capture.readouterr()
        return Typed(status=status, out=said.out, err=said.err)

    def tried(self, verdict: Verdict, *names: str) -> None:
        """Store a run of trunk that came to that verdict on those archs."""
        archs = self.home.house.desk.lab.archs
        blame = {Verdict.FAILED: Blame.PRODUCT, Verdict.BROKEN: Blame.INFRA}.get(verdict)
        ruling = Ruling(verdict=verdict, blame=blame, cause="a cause" if blame else "")
        request = Request(repo=self.home.repo, ref="trunk", requester="ada")
        what = plan(*(archs[name] for name in names), sha=self.sha)
        rulings = dict.fromkeys(names, ruling)
        self.home.store.runs.add(request, what, rulings, self.home.clock.now())


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    with furnish(tmp_path) as home:
        names = ("kvm", "xenserver", "hyperv", "vmware", "novel")
        files = {f"virt/{name}/driver.py": f"# {name}\n" for name in names}
        sha = commit(Path(home.repo), "Drivers", {**files, "virt/__init__.py": "# all\n"})
        archs: Any = home.house.desk.lab.archs
        globs = ("virt/*.py", "!virt/__init__.py")
        archs["kvm-flat"] = replace(archs["kvm-flat"], drivers=globs)
        monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
        monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path / "home"))
        yield Place(home=home, capture=capsys, sha=sha)


def test_the_report_is_the_table_that_the_history_gives(place: Place) -> None:
    for _ in range(ENOUGH):
        place.tried(Verdict.PASSED, "kvm-flat", "kvm-vlan", "vmware-flat", "xenserver-flat")
    place.tried(Verdict.FAILED, "xenserver-flat")
    place.tried(Verdict.FAILED, "hyperv-flat")
    found = place.type("coverage", place.home.repo, "--json").json
    graded = {
        row["name"]: (row["grade"], row["voting"], row["advising"]) for row in found["drivers"]
    }
    assert graded == {
        "virt/hyperv/driver.py": ("C", ["hyperv-flat", "hyperv-vlan"], []),
        "virt/kvm/driver.py": ("A", ["kvm-flat", "kvm-vlan"], []),
        "virt/novel/driver.py": ("C", [], []),
        "virt/vmware/driver.py": ("B", [], ["vmware-flat", "vmware-vlan"]),
        "virt/xenserver/driver.py": ("B", ["xenserver-flat", "xenserver-vlan"], []),
    }
    assert {row["name"]: row["grade"] for row in found["hypervisors"]} == {
        "kvm": "A",
        "xenserver": "B",
        "hyperv": "C",
        "vmware": "B",
    }
    assert {row["name"]: row["grade"] for row in found["networks"]} == {"flat": "A", "vlan": "A"}
    assert found["uncovered"] == ["virt/novel/driver.py"]
    because = {row["name"]: row["because"] for row in found["drivers"]}
    assert because["virt/novel/driver.py"] == "no arch covers it"
    assert because["virt/vmware/driver.py"] == "vmware-flat does not vote"
    assert f"red on this branch, at {place.sha[:10]}" in because["virt/xenserver/driver.py"]


def test_the_gate_says_what_is_below_and_fails(place: Place) -> None:
    for _ in range(ENOUGH):
        names = ("kvm-flat", "kvm-vlan", "xenserver-flat", "hyperv-flat", "vmware-flat")
        place.tried(Verdict.PASSED, *names)
    gate = ("coverage", place.home.repo, "--require")
    said = place.type(*gate, "A")
    assert said.status == 1
    below = "virt/novel/driver.py, virt/vmware/driver.py, vmware"
    assert f"3 parts below grade A: {below}" in said.out
    assert "virt/novel/driver.py is covered by no arch" in said.out
    found = place.type(*gate, "B", "--json")
    assert (found.status, found.json["below"]) == (1, ["virt/novel/driver.py"])
    archs: Any = place.home.house.desk.lab.archs
    covers = (*archs["kvm-vlan"].covers, "virt/novel", "virt/gone.py")
    archs["kvm-vlan"] = replace(archs["kvm-vlan"], covers=covers)
    said = place.type(*gate, "B")
    assert (said.status, "nothing is below grade B" in said.out) == (0, True)
    assert f"kvm-vlan covers virt/gone.py, which {place.sha[:10]} does not have" in said.out


def test_what_no_arch_file_declares_is_said(place: Place) -> None:
    archs: Any = place.home.house.desk.lab.archs
    archs["kvm-flat"] = replace(archs["kvm-flat"], drivers=())
    said = place.type("coverage", place.home.repo)
    assert "no arch file says where this product keeps its drivers" in said.out
    assert "virt/novel" not in said.out


def test_an_unknown_branch_and_a_strange_repository(place: Place) -> None:
    said = place.type("coverage", f"{place.home.repo}@nowhere")
    assert (said.status, "nowhere" in said.err) == (2, True)
    refused = place.home.client().get("/api/coverage", params={"repo": "https://example.org/x"})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("subject", "archs"),
    [
        ("Hyper-V", ["hyperv-flat", "hyperv-vlan"]),
        ("virt/hyperv/driver.py", ["hyperv-flat", "hyperv-vlan"]),
        ("./virt/hyperv/driver.py", ["hyperv-flat", "hyperv-vlan"]),
    ],
)
def test_whom_to_ask(place: Place, subject: str, archs: list[str]) -> None:
    found = place.type("who", subject, "--json").json
    assert (found["archs"], found["lieutenants"]) == (archs, ["hyperv-team@example.org"])


def test_whom_to_ask_of_a_network_model(place: Place) -> None:
    found = place.type("who", "vlan", "--json").json
    assert found["archs"] == ["kvm-vlan", "xenserver-vlan", "hyperv-vlan", "vmware-vlan"]
    assert found["because"] == "it is a network model"


def test_of_two_that_are_as_good_the_one_that_votes_is_told() -> None:
    found = outcomes("+", 0)
    advises = standing(replace(ARCH, name="a", voting=False), found, {"ours"}, NOW)
    votes = standing(replace(ARCH, name="b"), found, {"ours"}, NOW)
    assert best([advises, votes]) == votes


def test_a_path_that_nobody_covers_names_nobody(place: Place) -> None:
    said = place.type("who", "virt/novel/driver.py")
    assert (said.status, "no path that an arch covers" in said.err) == (2, True)

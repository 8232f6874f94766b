"""Series of patches and archs that left the product, from the command line to a real store."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.existence import Existence
from tests.contract.repository import commit, exported, git
from tests.unit.web_house import Furnished, furnish

GONE = "XenAPI left the product in 2020"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A house whose XenServer archs need a driver that trunk lost, and a shell at it."""

    home: Furnished
    type: Callable[..., tuple[int, str, str]]
    repo: Path
    folder: Path


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    with furnish(tmp_path) as home:
        archs: Any = home.house.desk.lab.archs
        for name in ("xenserver-flat", "xenserver-vlan"):
            exists = Existence(files=("xenapi/driver.py",), because=GONE)
            archs[name] = replace(archs[name], exists=exists)
        monkeypatch.setenv("SMOKETEST_TOKEN", home.house.token.reveal())
        monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path / "home"))

        def type_(*words: str) -> tuple[int, str, str]:
            status = carry_out(app, [*words, "--server", home.url])
            said = capsys.readouterr()
            return status, said.out, said.err

        yield Desk(home=home, type=type_, repo=Path(home.repo), folder=tmp_path)


def test_an_arch_without_its_driver_is_skipped_and_says_why(desk: Desk) -> None:
    commit(desk.repo, "no Xen any more", {"README": "moved\n"})
    status, out, _ = desk.type("plan", f"{desk.repo}@trunk", "--on", "xenserver-flat,kvm-flat")
    assert status == 0
    assert f"xenserver-flat is skipped: {GONE}: " in out
    asked = ("run", f"{desk.repo}@trunk", "--on", "xenserver-flat,kvm-flat", "--json")
    status, out, _ = desk.type(*asked)
    cells = {cell["arch"]: cell for cell in json.loads(out)["cells"]}
    assert cells["xenserver-flat"]["verdict"] == "skipped"
    assert cells["xenserver-flat"]["blame"] is None
    head = git(desk.repo, "rev-parse", "--short=10", "HEAD")
    assert cells["xenserver-flat"]["cause"] == f"{GONE}: {head} has no xenapi/driver.py"
    assert cells["kvm-flat"]["state"] == "waiting"
    status, out, _ = desk.type("run", f"{desk.repo}@trunk", "--on", "xenserver-flat", "--wait")
    assert (status, f"· xenserver-flat: {GONE}: " in out) == (0, True)
    assert "skipped" in desk.type("matrix")[1]


def test_an_arch_whose_driver_a_patch_brings_back_is_run(desk: Desk) -> None:
    git(desk.repo, "checkout", "--quiet", "-b", "ours")
    commit(desk.repo, "Xen again", {"xenapi/driver.py": "class Driver: ...\n"})
    exported(desk.repo, desk.folder / "ours", "trunk")
    asked = ("run", f"{desk.repo}@trunk", "--on", "xenserver-flat", "--json")
    _, out, _ = desk.type(*asked, "--series", str(desk.folder / "ours"))
    assert json.loads(out)["cells"][0]["state"] == "waiting"
    assert "+" in json.loads(out)["commit"]


def test_a_run_on_trunk_and_series_leaves_out_what_is_upstream(desk: Desk) -> None:
    git(desk.repo, "checkout", "--quiet", "-b", "north")
    commit(desk.repo, "One", {"one": "1\n"})
    commit(desk.repo, "Two", {"two": "2\n"})
    exported(desk.repo, desk.folder / "north", "trunk")
    commit(desk.repo, "One, merged", {"one": "1\n"})
    asked = ("run", f"{desk.repo}@trunk", "--on", "kvm-flat", "--json")
    status, out, err = desk.type(*asked, "--series", str(desk.folder / "north"))
    assert status == 0
    assert json.loads(out)["cells"][0]["state"] == "waiting"
    assert "left out north/0001-One.patch: it is upstream as" in err
    commit(desk.repo, "Another two", {"two": "3\n"})
    status, out, _ = desk.type(*asked, "--series", str(desk.folder / "north"))
    assert status == 2
    assert "north/0002-Two.patch: " in json.loads(out)["cells"][0]["cause"]


def test_the_report_says_what_to_do_with_each_patch(desk: Desk) -> None:
    for operator, text in (("north", "north\n"), ("south", "south\n")):
        git(desk.repo, "checkout", "--quiet", "-b", operator, "trunk")
        commit(desk.repo, "Shared", {"shared": "both\n"})
        commit(desk.repo, "Own", {"own": text})
        exported(desk.repo, desk.folder / operator, "trunk")
    commit(desk.repo, "Own, but another", {"own": "trunk\n"})
    folders = [str(desk.folder / name) for name in ("north", "south")]
    status, out, _ = desk.type("patches", f"{desk.repo}@trunk", "--series", *folders)
    assert status == 0
    assert "= north and south carry the same change: Shared" in out
    assert "✘ north/0002-Own.patch: " in out
    assert "(since" in out
    words = ("patches", f"{desk.repo}@trunk", "--json", "--last", "1")
    status, out, _ = desk.type(*words, "--series", folders[0], "--series", folders[1], "--check")
    found = json.loads(out)
    assert status == 2
    assert [(p["operator"], p["standing"], p["shared_with"]) for p in found["patches"]] == [
        ("north", "applies", ["south"]),
        ("north", "conflicts", []),
        ("south", "applies", ["north"]),
        ("south", "conflicts", []),
    ]
    assert found["shared"][0]["operators"] == ["north", "south"]


def test_a_quilt_series_says_the_order(desk: Desk) -> None:
    git(desk.repo, "checkout", "--quiet", "-b", "east")
    commit(desk.repo, "First", {"f": "1\n"})
    commit(desk.repo, "Second", {"f": "2\n"})
    folder = desk.folder / "east"
    exported(desk.repo, folder, "trunk")
    (folder / "0001-First.patch").rename(folder / "z.patch")
    (folder / "series").write_text("# ours\nz.patch -p1\n\n0002-Second.patch # later\n")
    words = ("patches", f"{desk.repo}@trunk", "--json", "--series", str(folder))
    found = json.loads(desk.type(*words)[1])
    assert [p["standing"] for p in found["patches"]] == ["applies", "applies"]
    (folder / "series").write_text("z.patch -p0\n")
    status, _, err = desk.type(*words)
    assert (status, "series:1: -p0 is not understood" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "name the folders of patches"),
        (("--series", "/nowhere"), "/nowhere is no folder"),
        (("--series", "{empty}"), "holds no patch"),
    ],
)
def test_what_cannot_be_a_series_is_refused(
    desk: Desk, words: tuple[str, ...], complaint: str
) -> None:
    empty = desk.folder / "empty"
    empty.mkdir()
    filled = [word.format(empty=empty) for word in words]
    status, _, err = desk.type("patches", str(desk.repo), *filled)
    assert (status, complaint in err) == (2, True), err

"""Archs that exist for some commits only, as their files say it."""

from pathlib import Path

import pytest

from orchestrator import archs
from orchestrator.model.errors import ConfigError
from orchestrator.model.existence import Existence
from tests.unit.test_archs import FAMILY, written


def exists(folder: Path, text: str) -> list[Existence | None]:
    found = archs.load([written(folder, FAMILY + text)])
    return [arch.exists for arch in found]


def test_an_arch_says_for_which_commits_it_exists(tmp_path: Path) -> None:
    gone = Existence(files=("xenapi/driver.py",), until="22.0.0", because="removed")
    table = "{file: xenapi/driver.py, until: 22.0.0, because: removed}"
    assert exists(tmp_path, "") == [None] * 3
    assert exists(tmp_path, f"exists: {table}\n") == [gone] * 3
    assert exists(tmp_path, f"exists: {{xenserver: {table}}}\n") == [None, None, gone]
    both = exists(tmp_path, 'exists: {file: [a, "{hypervisor}"], since: 2, repo: nova}\n')
    assert both[2] == Existence(files=("a", "xenserver"), since="2", repo="nova")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("exists: {because: x}", "`exists` says nothing; give `file`, `since` or `until`"),
        ("exists: {until: Victoria}", "`exists.until` is no release; write its number"),
        ("exists: {xen: {file: a}}", "no arch of this file is `xen`; known: "),
        ("exists: {path: a}", "unknown key `exists.path`"),
    ],
)
def test_what_exists_cannot_say_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        exists(tmp_path, text + "\n")
    assert str(refused.value).startswith(f"{tmp_path}/a.yaml:{FAMILY.count(chr(10)) + 1}: ")
    assert complaint in str(refused.value)


def test_tempest_is_a_suite_whose_tests_are_chosen_by_regex(tmp_path: Path) -> None:
    suites = tmp_path / "suites"
    (suites / "compute").mkdir(parents=True)
    (suites / "compute" / "test_a.py").touch()
    line = 'smoke: {suite: compute, tests: "not volume"}'
    path = written(tmp_path, FAMILY.replace(line, "smoke: {suite: tempest, regex: smoke}"))
    assert archs.load([path], suites=suites)[0].smoke.tests == "smoke"
    path = written(tmp_path, FAMILY.replace(line, "smoke: {suite: compute, regex: smoke}"))
    with pytest.raises(ConfigError, match=r"`smoke\.regex` is for the suite tempest"):
        archs.load([path], suites=suites)

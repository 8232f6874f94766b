"""`smoketest check` as a process: what it finds, in which words, with which exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli import validation
from orchestrator.cli.validation import Checked, Kind

ROOT = Path(__file__).parents[2]
ARCH = """\
arch: plain
summary: One machine
roles:
  all: {install: debian-12}
deploy: {play: site.yml}
smoke: {suite: compute}
"""
PLAY = """\
---
# Lays it down.
- name: Lay it down
  hosts: all
  tasks:
    - name: Say so
      ansible.builtin.debug:
        msg: "{{ word }}"
"""


def smoketest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "orchestrator", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Return a lab file whose arch, play and suite are right."""
    suite = tmp_path / "suites" / "compute"
    for folder in (tmp_path / "archs", tmp_path / "plays", suite):
        folder.mkdir(parents=True)
    (tmp_path / "archs" / "plain.yaml").write_text(ARCH)
    (tmp_path / "plays" / "site.yml").write_text(PLAY)
    (suite / "test_it.py").write_text("def test_it():\n    assert 1\n")
    path = tmp_path / "lab.toml"
    path.write_text('[folders]\narchs = "archs"\nplaybooks = "plays"\nsuites = "suites"\n')
    return path


def test_a_lab_file_is_checked_with_all_that_it_names(lab: Path) -> None:
    done = smoketest("check", lab)
    home = lab.parent
    assert done.stdout.splitlines() == [
        f"{lab}: ok",
        f"{home}/archs/plain.yaml: ok",
        f"{home}/plays/site.yml: ok",
        f"{home}/suites/compute: ok",
    ]
    assert done.returncode == 0


def test_every_error_is_told_and_the_status_is_two(lab: Path) -> None:
    home = lab.parent
    archs = home / "archs"
    (archs / "again.yaml").write_text(ARCH)
    (archs / "broken.yaml").write_text(ARCH.replace("site.yml", "sites.yml"))
    (home / "suites" / "compute" / "test_it.py").write_text("import json\nimport no_such_module\n")
    done = smoketest("check", lab, "--json")
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert {Path(file["path"]).name: file["errors"] for file in answer["files"]} == {
        "lab.toml": [],
        "again.yaml": [],
        "broken.yaml": [
            f"{archs}/broken.yaml:5: no play `sites.yml` in {home}/plays; did you mean `site.yml`?"
        ],
        "plain.yaml": [
            f"{archs}/plain.yaml:1: `plain` is taken by {archs}/again.yaml:1; give one of them"
            " another name"
        ],
        "site.yml": [],
        "compute": [
            f"{home}/suites/compute/test_it.py:2: ModuleNotFoundError: No module named"
            " 'no_such_module'; mend the suite"
        ],
    }
    assert [file["kind"] for file in answer["files"]] == ["lab", *["arch"] * 3, "play", "suite"]
    assert done.returncode == 2


def test_a_broken_lab_file_is_told_with_its_line(lab: Path) -> None:
    lab.write_text('[lab]\nprot = 1\n[folders]\narchs = "archs"\n')
    done = smoketest("check", lab)
    assert done.stdout == f"{lab}:2: unknown key `lab.prot`; did you mean `port`?\n"
    assert done.returncode == 2


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    words, none = tmp_path / "words.txt", tmp_path / "none.yaml"
    words.touch()
    advice = "name a lab file (.toml), arch file or play (.yaml) or suite (folder with tests)"
    assert [found.errors for path in (words, none, tmp_path) for found in validation.one(path)] == [
        (f"{words}: nothing to check here; {advice}",),
        (f"{none}: there is no such file or folder; {advice}",),
        (f"{tmp_path}: nothing to check here; {advice}",),
    ]


def test_an_arch_file_alone_needs_no_plays(lab: Path) -> None:
    path = lab.parent / "archs" / "plain.yaml"
    assert list(validation.one(path)) == [Checked(kind=Kind.ARCH, path=str(path))]


#: (what is replaced in PLAY, by what, the line and sentence)
PLAYS = [
    ("  tasks:", "  taskz:", "5: 'taskz' is not a valid attribute for a Play; mend the play"),
    (
        "ansible.builtin.debug:",
        "no_such_module:",
        "6: couldn't resolve module/action 'no_such_module'. This often indicates a misspelling,"
        " missing collection, or incorrect module path; mend the play",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentence"), PLAYS)
def test_a_play_is_checked_by_ansible(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "site.yml"
    path.write_text(PLAY.replace(old, new))
    (found,) = validation.one(path)
    assert found == Checked(kind=Kind.PLAY, path=str(path), errors=(f"{path}:{sentence}",))


def test_a_play_that_ansible_is_not_there_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.yml"
    path.write_text(PLAY)
    monkeypatch.setattr(validation, "_ANSIBLE", tmp_path / "ansible-playbook")
    words = f"{tmp_path}/ansible-playbook cannot be run: No such file or directory"
    sentence = f"{path}:1: {words}; see `smoketest doctor`; mend the play"
    assert validation.play(path).errors == (sentence,)


def test_a_check_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_it.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(validation, "DEADLINE", 1.0)
    (error,) = validation.suite(tmp_path).errors
    assert "did not end within 1 s" in error


#: (file, what it holds, the errors)
SUITES = [
    ("test_it.py", "def test_it(:\n    pass\n", "/test_it.py:1: SyntaxError: invalid syntax"),
    (
        "conftest.py",
        "\n\nimport no_such_module\n",
        "/conftest.py:3: ModuleNotFoundError: No module",
    ),
    ("test_it.py", "X = 1\n", ": no test in this suite; write one in a file test_*.py"),
]


@pytest.mark.parametrize(("name", "text", "sentence"), SUITES)
def test_a_suite_is_collected_by_pytest(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (tmp_path / "test_fine.py").write_text("import json\n")
    (tmp_path / name).write_text(text)
    (error,) = validation.suite(tmp_path).errors
    assert error.startswith(f"{tmp_path}{sentence}")
    assert not list(tmp_path.glob("**/__pycache__"))


def test_no_secret_of_ours_reaches_a_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_SECRET", "set")
    text = "import os\nassert 'LAB_TEST_SECRET' not in os.environ\ndef test_it(): pass\n"
    (tmp_path / "test_it.py").write_text(text)
    assert validation.suite(tmp_path).errors == ()


def test_what_comes_with_the_program_is_right() -> None:
    done = smoketest("check", "--json")
    answer = json.loads(done.stdout)
    assert [file for file in answer["files"] if file["errors"]] == []
    assert {file["kind"] for file in answer["files"]} == {"arch", "play", "suite"}
    assert done.returncode == 0

"""Every verb against a server: what it asks, what it shows, how it exits."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from tests.unit.cli_orchestrator import CAUSE, FAILED, PASSED, RED, Canned, cell, run, serving


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Return stdout, which must be one JSON object and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Types commands at a server of canned answers."""

    canned: Canned
    url: str
    capture: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Said:
        """Return what the command did."""
        status = carry_out(app, [*words, "--server", self.url])
        said = self.capture.readouterr()
        return Said(status=status, out=said.out, err=said.err)


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shell]:
    canned = Canned()
    monkeypatch.setenv("SMOKETEST_TOKEN", canned.token)
    monkeypatch.setenv("SMOKETEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("orchestrator.cli.follow.POLL_SECONDS", 0.02)
    with serving(canned) as url:
        yield Shell(canned=canned, url=url, capture=capsys)


EVERY_VERB = [
    ("run sample@trunk", "run"),
    ("plan sample@trunk", "cells"),
    ("show 12", "cells"),
    ("show 12/kvm-flat", "attempts"),
    ("watch 12", "cells"),
    ("runs", "runs"),
    ("matrix", "runs"),
    ("recheck 12/kvm-flat --reason cosmic", "attempts"),
    ("cancel 12", "run"),
    ("cancel 12/kvm-flat", "cell"),
    ("hold 12/kvm-flat --hours 2", "attempts"),
    ("hold 12/kvm-flat --for 2h", "attempts"),
    ("release 12/kvm-flat", "attempts"),
    ("archs", "archs"),
    ("nodes", "nodes"),
    ("node drain n01 --reason dust", "nodes"),
    ("node restore n01", "nodes"),
    ("node test n01", "checks"),
    ("who kvm", "lieutenants"),
    ("lab fault n01 busy", "faults"),
    ("lab faults", "kinds"),
    ("lab clear n01", "faults"),
]


@pytest.mark.parametrize(("words", "key"), EVERY_VERB)
def test_json_is_one_object_and_nothing_else(shell: Shell, words: str, key: str) -> None:
    after, before = shell.type(*words.split(), "--json"), shell.type("--json", *words.split())
    assert key in after.json
    assert after.json == before.json
    assert after.status == before.status


@pytest.mark.parametrize(("words", "_key"), EVERY_VERB)
def test_people_get_words_within_80_columns(shell: Shell, words: str, _key: str) -> None:
    said = shell.type(*words.split())
    assert said.out.strip()
    assert "Traceback" not in said.out + said.err
    table = [line for line in said.out.splitlines() if "─" in line or "━" in line]
    assert all(len(line) <= 80 for line in table)


@pytest.mark.parametrize("status", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("words", ["show 12", "watch 12", "run sample --wait"])
def test_a_run_that_is_over_gives_its_exit_status(shell: Shell, words: str, status: int) -> None:
    shell.canned.steps = [run(PASSED, FAILED, exit_status=status)]
    assert shell.type(*words.split()).status == status
    assert shell.type(*words.split(), "--json").json["exit"] == status


def test_a_run_that_goes_on_is_no_failure(shell: Shell) -> None:
    shell.canned.steps = [run(cell("kvm-flat"))]
    assert shell.type("show", "12").status == 0
    asked = shell.type("run", "sample@trunk")
    assert asked.status == 0
    assert "smoketest watch 12" in asked.out


def test_the_promised_object(shell: Shell) -> None:
    found = shell.type("show", "12", "--json").json
    assert {"run", "repo", "ref", "commit", "requester", "lane", "state", "cells"} <= set(found)
    red = found["cells"][1]
    assert red["verdict"] == "failed"
    assert red["blame"] == "product"
    assert red["cause"] == CAUSE
    assert red["phases"] == {"lease": 0.1, "provision": 4.5, "deploy": 6.25, "smoke": 3.0}
    assert red["tests"] == {"passed": 9, "failed": 0, "skipped": 0}
    assert datetime.fromisoformat(found["asked_at"]).tzinfo


def test_what_run_asks_for(shell: Shell, tmp_path: Path) -> None:
    patch = tmp_path / "mend.diff"
    patch.write_text("--- a\n+++ b\n")
    words = "run SAMPLE@feature/x --on kvm-flat,kvm-vlan --on hyperv-flat --select pairwise"
    more = "--with git@h:o/p.git@v2 --lane nightly --reason why --trust-code --patch"
    shell.type(*words.split(), *more.split(), str(patch))
    body = shell.canned.posted()
    assert body.pop("requester")
    assert len(body.pop("key")) == 32
    assert body == {
        "repo": "sample",
        "ref": "feature/x",
        "archs": ["kvm-flat", "kvm-vlan", "hyperv-flat"],
        "select": "pairwise",
        "patches": [{"name": "mend.diff", "text": "--- a\n+++ b\n"}],
        "others": [{"repo": "git@h:o/p.git", "ref": "v2"}],
        "lane": "nightly",
        "reason": "why",
        "trust_code": True,
    }


def test_what_lab_fault_asks_for(shell: Shell) -> None:
    shell.type(*["lab", "fault", "n01", "busy", "--chance", "0.5", "--until", "10m"])
    body = shell.canned.posted()
    left = datetime.fromisoformat(body.pop("until")) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    assert body == {"node": "n01", "kind": "busy", "chance": 0.5}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", ""),
        ("frobnicate", "No such command 'frobnicate'"),
        ("run", "Missing argument"),
        ("run sample --nonsense", "No such option"),
        ("run sample --select some", "'pairwise'"),
        ("run sample@", "names no ref"),
        ("run sample --on kvm-flat --all", "contradict"),
        ("run sample --on ,", "smoketest archs"),
        ("run sample --patch /nowhere/x.diff", "/nowhere/x.diff cannot be read"),
        ("run sample --patch /dev", "cannot be read"),
        ("show kvm-flat", "is no run (12)"),
        ("recheck 12/kvm-flat", "--reason"),
        ("recheck 12 --reason x", "is a run, not a cell"),
        ("hold 12/kvm-flat --hours soon", "--hours"),
        ("hold 12/kvm-flat --for ever", "write 30m, 2h or 1d"),
        ("lab fault n01 busy --until soon", "write 10m, 2h"),
        ("lab fault n01 busy --chance 2", "--chance"),
        ("up", "leave --server out"),
        ("inventory discover", "Missing argument"),
        ("inventory discover 10.0.0.0/8", "at most 65,536"),
        ("inventory discover 10.0.0.1 --user ada", "a login needs both"),
        ("inventory discover 127.0.0.1 --user ada --password hunter2", "takes no password"),
    ],
)
def test_bad_usage_is_2_and_one_sentence(shell: Shell, words: str, sentence: str) -> None:
    if not words:
        assert carry_out(app, []) == 0
        assert "Commands:" in shell.capture.readouterr().out
        return
    said = shell.type(*words.split())
    assert said.status == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not said.out
    assert shell.type(*words.split(), "--json").json["error"]["exit"] == 2


@pytest.mark.parametrize(
    ("http", "blame", "status"),
    [
        (404, "config", 2),
        (403, "config", 2),
        (401, "config", 2),
        (422, "config", 2),
        (503, "infra", 3),
        (503, "orchestrator", 3),
        (500, "orchestrator", 3),
    ],
)
def test_what_the_server_refuses(shell: Shell, http: int, blame: str, status: int) -> None:
    shell.canned.problem = (http, {"title": "No.", "detail": "there is no arch x", "blame": blame})
    said = shell.type("run", "sample@trunk", "--json")
    assert said.status == status
    assert said.err.startswith("smoketest: there is no arch x")
    assert said.json["error"]["exit"] == status


def test_a_wrong_token_is_told_and_never_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOKETEST_TOKEN", shell.canned.token[:-4] + "wörd")
    said = shell.type("cancel", "12")
    assert said.status == 2
    assert shell.canned.token[:8] not in said.err + said.out
    monkeypatch.setenv("SMOKETEST_TOKEN", shell.canned.token[:-4])
    said = shell.type("cancel", "12")
    assert said.status == 2
    assert "SMOKETEST_TOKEN" in said.err
    assert shell.canned.token[:8] not in said.err + said.out


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:1", "smoketest up"),
        ("127.0.0.1:8470", "is no address"),
        ("http://127.0.0.1:http", "is no address"),
        ("ftp://h", "is no address"),
    ],
)
def test_no_server_is_2(capsys: pytest.CaptureFixture[str], url: str, sentence: str) -> None:
    assert carry_out(app, ["runs", "--server", url]) == 2
    assert sentence in capsys.readouterr().err


def test_something_else_that_answers_is_2(shell: Shell) -> None:
    shell.canned.problem = (200, {"hello": "world"})
    said = shell.type("show", "12")
    assert said.status == 2
    assert "another version" in said.err


def test_a_bug_is_3_and_leaves_its_traceback_in_a_file(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("orchestrator.cli.tables.runs", lambda *_: 1 / 0)
    said = shell.type("runs")
    (kept,) = tmp_path.glob("smoketest-bug-*")
    assert said.status == 3
    assert said.err.count("\n") == 1
    assert str(kept) in said.err
    assert "ZeroDivisionError" in kept.read_text()


def test_watch_says_each_change_once_and_then_the_cause(shell: Shell) -> None:
    waiting = cell("xenserver-flat")
    installing = replace(waiting, state=State.RUNNING, stage="provision", why="", attempts=2)
    shell.canned.steps = [
        run(PASSED, waiting),
        run(PASSED, waiting),
        run(PASSED, installing),
        RED,
    ]
    said = shell.type("watch", "12")
    lines = said.out.splitlines()
    assert said.status == 1
    assert sum("waits for a machine with xen" in line for line in lines) == 1
    assert sum("attempt 2, provision on n01, n02" in line for line in lines) == 1
    assert sum(f"failed (product): {CAUSE}" in line for line in lines) == 1
    assert "smoketest show 12/xenserver-flat" in said.out
    shell.canned.steps = [run(PASSED, waiting), RED]
    quiet = shell.type("watch", "12", "--json")
    assert quiet.json["exit"] == 1
    assert "waits for a machine with xen" in quiet.err


def test_the_matrix_fits_and_names_every_square(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = [(verdict, None if verdict is Verdict.PASSED else Blame.INFRA) for verdict in Verdict]
    cells = tuple(cell(f"arch-{v}", v, blame=blame, cause="why") for v, blame in settled)
    shell.canned.steps = [run(*cells, exit_status=1, number=n) for n in range(30, 10, -1)]
    for width, shown in (("80", 4), ("40", 1), ("200", 13)):
        monkeypatch.setenv("COLUMNS", width)
        said = shell.type("matrix")
        drawn = [line for line in said.out.splitlines() if line.startswith("arch-")]
        assert all(len(line) <= int(width) for line in drawn)
        assert [line.count(v) - 1 for line, v in zip(drawn, Verdict, strict=True)] == [shown] * 5
        heading = said.out.splitlines()[0].split()
        assert heading[:2] == ["run", "30"]


def test_colour_is_never_needed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in shell.type("matrix").out
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shell.type("matrix").out
    assert "\x1b[3" not in plain
    assert "\x1b[4" not in plain
    assert "✔ passed" in plain
    assert "✘ failed" in plain

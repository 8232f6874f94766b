"""What the README tells people to type: it is typed, in its order, and ends as it says."""

import json
import os
import re
import secrets
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = README + (ROOT / "ARCHITECTURE.md").read_text()
PROGRAM = [sys.executable, "-m", "orchestrator"]
TYPED = (".venv/bin/smoketest ", "make ")
_BLOCK = re.compile(r"^```\w*\n(.+?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"exit status (\d)")
FEW = "kvm-flat,hyperv-flat"
#: a change that keeps every driver as it is
PATCH = """\
diff --git a/NEWS b/NEWS
new file mode 100644
--- /dev/null
+++ b/NEWS
@@ -0,0 +1 @@
+Nothing new.
"""
LAB = """\
[[nodes]]
name = "r1"
mac = "52:54:00:00:00:01"
capabilities = ["x86_64", "kvm"]
address = "127.0.0.2"
[nodes.bmc]
address = "127.0.0.3"
user = "admin"
password = "file:r1.bmc"
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the README that people type."""

    words: tuple[str, ...]
    comment: str

    @property
    def status(self) -> int:
        """Return the exit status that the README promises: 0 unless it says another."""
        found = _STATUS.search(self.comment)
        return int(found[1]) if found else 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what follows the program's name, for somebody in a hurry.

        `up` leaves the terminal free and waits for no hardware; a run on all archs is one on an
        arch that passes and one that fails: the demo, which `make test-real` types, runs on all.
        """
        arguments = self.words[1:]
        if arguments[0] == "run" and "--all" in arguments:
            at = arguments.index("--all")
            return (*arguments[:at], "--on", FEW, *arguments[at + 1 :])
        if arguments[0] == "up":
            return (*arguments, "--detach", *(() if "--lab" in arguments else ("--speed", "max")))
        return arguments


def lines() -> Iterator[Line]:
    """Yield every line of the README's code blocks that is for a shell."""
    for block in _BLOCK.findall(README):
        for text in block.splitlines():
            if text.startswith(TYPED):
                command, _, comment = text.partition(" #")
                yield Line(words=tuple(shlex.split(command)), comment=comment)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A folder as its reader has it: patches and a lab file of their own, a home that is new."""
    (tmp_path / "my.patch").write_text(PATCH)
    for operator in ("north", "south"):
        (tmp_path / operator).mkdir()
        (tmp_path / operator / "0001-news.patch").write_text(PATCH)
    (tmp_path / "lab.toml").write_text(LAB)
    (tmp_path / "r1.bmc").touch(mode=0o600)
    (tmp_path / "r1.bmc").write_text(secrets.token_hex(8))
    yield tmp_path
    typed(tmp_path, "down")


def typed(desk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what the program did in the reader's folder."""
    environment = {**os.environ, "SMOKETEST_HOME": str(desk / "home"), "NO_COLOR": "1"}
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=desk,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def rest(desk: Path, verb: str) -> None:
    """Give the lab the moment that a reader takes: hold needs machines, down finds them freed."""
    wanted = {"hold": True, "down": False}.get(verb)
    end = time.monotonic() + 120
    while wanted is not None and leased(desk) is not wanted:
        assert time.monotonic() < end, f"machines are leased: {not wanted}, before {verb}"
        time.sleep(0.02)


def leased(desk: Path) -> bool:
    with closing(sqlite3.connect(desk / "home" / "store.sqlite", timeout=30)) as connection:
        return bool(connection.execute("SELECT 1 FROM leases").fetchall())


def test_every_command_of_the_readme_ends_as_it_says(desk: Path) -> None:
    for line in (line for line in lines() if line.words[0] != "make"):
        rest(desk, line.arguments[0])
        done = typed(desk, *line.arguments)
        said = f"{line.words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == line.status, said
        assert "Traceback" not in done.stderr
    verdicts = {
        cell["cell"]: cell["verdict"]
        for run in json.loads(typed(desk, "runs", "--json").stdout)["runs"]
        for cell in run["cells"]
    }
    assert verdicts["1/kvm-flat"] == verdicts["2/kvm-flat"] == "passed"
    assert verdicts["1/hyperv-flat"] == "failed"


def test_every_target_of_make_in_the_readme_is_there() -> None:
    wanted = {line.words[1] for line in lines() if line.words[0] == "make"}
    wanted |= set(re.findall(r"`make ([\w-]+)`", README))
    makefile = (ROOT / "Makefile").read_text()
    there = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    assert wanted >= {"demo", "test", "lint"}
    assert wanted <= there


@pytest.mark.parametrize(
    "group", [(), ("node",), ("inventory",), ("lab",)], ids=lambda group: " ".join(group) or "all"
)
def test_every_verb_is_told_of(tmp_path: Path, group: tuple[str, ...]) -> None:
    told = typed(tmp_path, *group, "--help").stdout.partition("Commands:\n")[2]
    verbs = [line.split()[0] for line in told.splitlines() if re.match(r"  [a-z]", line)]
    assert verbs
    typed_first = " ".join(("(smoketest|make)", *group))
    assert [verb for verb in verbs if not re.search(rf"{typed_first} {verb}\b", DOCS)] == []

"""docs/vendors.md: what it tells a vendor to write and to type works as it stands."""

import re
import secrets
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from orchestrator import archs
from orchestrator.config import labfile as config
from orchestrator.model.arch import Means
from tests.chaining import keep
from tests.unit.jenkins_house import JOB, face

PAGE = (Path(__file__).parents[2] / "docs" / "vendors.md").read_text()
ARCH = """\
arch: lefthand
summary: One machine and an array
roles:
  cloud: {install: debian-12}
deploy: {play: site.yml}
smoke: {suite: compute}
"""


def blocks(kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == kind]


def test_every_table_is_what_a_lab_file_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HP_JENKINS_TOKEN", secrets.token_hex(8))
    tables = blocks("toml")
    assert len(tables) == 2
    drivers = []
    for number, table in enumerate(tables):
        path = tmp_path / f"lab{number}.toml"
        path.write_text(table)
        read = config.load(path)
        drivers.append(read.partners["hp"].contract.driver)
        assert list(read.partners["hp"].contract.jobs) == ["hyperv-flat"]
    assert drivers == ["jenkins", "pull"]


def test_the_alternatives_are_what_an_arch_file_takes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ARCH + blocks("yaml")[0])
    (read,) = archs.load([tmp_path / "a.yaml"])
    assert [way.means for way in read.ways] == list(Means)
    assert read.hardware
    assert read.by(0).roles[0].needs == {"lefthand"}
    assert read.by(1).roles == ()
    assert dict(read.by(2).deploy.settings) == {"san": "simulated"}


def test_the_python_asks_for_a_build(tmp_path: Path) -> None:
    with face(tmp_path) as ours:
        code = blocks("python")[0].replace("https://lab.example.org/jenkins", ours.url)
        code = code.replace("hyperv-flat", JOB).replace(
            '"REF": "trunk"', f'"REF": "trunk", "REPO": "{ours.home.repo}"'
        )
        names: dict[str, object] = {"TOKEN": ours.token}
        exec(code, names)  # noqa: S102  # the page's own
        assert names["item"] == 1


def test_what_is_typed_is_understood(tmp_path: Path) -> None:
    keep(tmp_path / "hp.token", "st_00_none")
    keep(tmp_path / "me.token", "none")
    lines = [
        line
        for block in blocks("")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("smoketest ")
    ]
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line)[1:]
        words = ["http://127.0.0.1:9" if w.startswith("https://lab") else w for w in words]
        if words[0] == "token":
            words = ["--server", "http://127.0.0.1:9", *words]
        else:
            words += ["--once", "--folder", str(tmp_path / "worker")]
        command = [sys.executable, "-m", "orchestrator", *words]
        said, status = _said(command, tmp_path)
        assert "no orchestrator answers at http://127.0.0.1:9" in said, (line, said)
        assert status in {None, 2}, "a worker asks again, a verb says so"


def _said(command: list[str], folder: Path) -> tuple[str, int | None]:
    """Return what the command says on stderr until it ends or has said a line."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": root}
    )
    assert process.stderr
    said = process.stderr.readline()
    status = process.poll()
    process.kill()
    process.communicate()
    return textwrap.shorten(said, 1000), status

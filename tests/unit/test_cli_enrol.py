"""`smoketest node add`: a machine more in the lab file, or a sentence and the file as it was."""

import json
import stat
from pathlib import Path

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.config import labfile as config
from orchestrator.model.verdict import ExitStatus

FIRST = """\
# the lab of rack 2
[lab]
name = "rack-2"

[[nodes]]
name = "r2-01"
mac = "3c:ec:ef:00:00:01"
address = "10.20.0.11"

[nodes.bmc]
address = "10.20.1.11"
user = "smoketest"
password = "env:RACK_BMC"
"""
SECOND = {
    "--mac": "3C:EC:EF:00:00:02",
    "--address": "10.20.0.12",
    "--bmc": "10.20.1.12",
    "--user": 'smoke"test',
    "--password": "env:RACK_BMC",
    "--power": "redfish",
    "--can": "x86_64, kvm",
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACK_BMC", "not told")
    path = tmp_path / "lab.toml"
    path.write_text(FIRST)
    path.chmod(0o640)
    return path


def add(lab: Path, name: str = "r2-02", **change: str) -> int:
    options = SECOND | {f"--{key}": value for key, value in change.items()}
    words = [word for pair in options.items() for word in pair]
    home = str(lab.parent / "home")
    return carry_out(app, ["node", "add", name, *words, "--lab", str(lab), "--home", home])


def test_a_machine_is_added_behind_what_was_there(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(lab) == ExitStatus.PASSED
    assert f"r2-02 is in {lab}, line 15" in capsys.readouterr().out
    text = lab.read_text()
    assert text.startswith(FIRST)
    assert text.splitlines()[14] == "[[nodes]]"
    assert "not told" not in text
    assert stat.S_IMODE(lab.stat().st_mode) == 0o640
    first, second = config.load(lab).nodes
    assert first.name == "r2-01"
    assert second.mac == "3c:ec:ef:00:00:02"
    assert second.capabilities == {"x86_64", "kvm"}
    assert (second.power, second.bmc.port, second.bmc.user) == ("redfish", 443, 'smoke"test')


def test_scripts_get_an_object(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for pair in SECOND.items() for word in pair]
    carry_out(app, ["node", "add", "r2-02", *words, "--lab", str(lab), "--json"])
    assert json.loads(capsys.readouterr().out) == {"node": "r2-02", "lab": str(lab), "line": 15}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "r2-01"}, ":16: name r2-01 is given to another node on line 6; mend one"),
        ({"mac": "3c:ec:ef:00:00:01"}, ":17: MAC 3c:ec:ef:00:00:01 is given to another node"),
        ({"mac": "nonsense"}, ":17: "),
        ({"address": "10.20.0.11"}, ":19: address 10.20.0.11:22 is given to another node"),
        ({"password": "hunter2"}, ":25: "),
        ({"password": "env:NOBODY_SET_IT"}, ":25: "),
    ],
)
def test_what_cannot_be_is_said_by_line_and_not_written(
    lab: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], said: str
) -> None:
    assert add(lab, **change) == ExitStatus.USAGE
    err = capsys.readouterr().err
    assert f"{lab}{said}" in err
    assert "hunter2" not in err
    assert lab.read_text() == FIRST
    assert [path.name for path in lab.parent.iterdir() if path.is_file()] == ["lab.toml"]


def test_a_lab_that_makes_its_machines_gets_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for pair in SECOND.items() for word in pair]
    home = str(tmp_path / "home")
    assert carry_out(app, ["node", "add", "n9", *words, "--home", home]) == ExitStatus.USAGE
    assert "name the lab file of yours with --lab" in capsys.readouterr().err
    assert add(tmp_path / "none.toml") == ExitStatus.USAGE
    assert "cannot be read: No such file" in capsys.readouterr().err

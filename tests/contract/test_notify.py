"""The law of the notify port, over the driver that writes files."""

import json
import multiprocessing
import secrets
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.files import FileNotify
from orchestrator.model.errors import Bug, OutOfTime
from orchestrator.model.ids import AttemptId
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.notify import Report

FAILED = Ruling(
    verdict=Verdict.FAILED,
    blame=Blame.PRODUCT,
    cause="test_two_nics failed: no such column:\nnics.mac_address",
)


def soon() -> Deadline:
    return Deadline(SystemClock(), 10)


def report(folder: Path, ruling: Ruling = FAILED) -> Report:
    return Report(
        attempt=AttemptId("7/xenserver-flat/2"),
        arch="xenserver-flat",
        commit="1a2b3c4d5e",
        ruling=ruling,
        lieutenants=("xen-team", "ops"),
        folder=str(folder),
    )


def test_a_program_finds_every_fact(tmp_path: Path) -> None:
    FileNotify().send(report(tmp_path), soon())
    told = json.loads((tmp_path / "report.json").read_text())
    assert told.pop("next").startswith("Look at the tests and logs")
    assert told == {
        "attempt": "7/xenserver-flat/2",
        "arch": "xenserver-flat",
        "commit": "1a2b3c4d5e",
        "verdict": "failed",
        "blame": "product",
        "cause": "test_two_nics failed: no such column:\nnics.mac_address",
        "suspects": [],
        "lieutenants": ["xen-team", "ops"],
    }


def test_a_lieutenant_reads_what_to_do(tmp_path: Path) -> None:
    FileNotify().send(report(tmp_path), soon())
    text = (tmp_path / "report.md").read_text()
    for words in ("xenserver-flat", "1a2b3c4d5e", "failed", "product", "nics.mac_address", "Next"):
        assert words in text
    assert "test_two_nics failed: no such column: nics.mac_address\n" in text


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("blame", [None, *Blame])
def test_every_ruling_has_a_next_step(
    tmp_path: Path, verdict: Verdict, blame: Blame | None
) -> None:
    FileNotify().send(report(tmp_path, Ruling(verdict=verdict, blame=blame)), soon())
    assert json.loads((tmp_path / "report.json").read_text())["next"].endswith(".")


def test_a_repeat_tells_nothing_new(tmp_path: Path) -> None:
    FileNotify().send(report(tmp_path), soon())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    FileNotify().send(report(tmp_path, Ruling(verdict=Verdict.PASSED)), soon())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {"report.json", "report.md"}


def test_what_a_kill_left_out_is_told_by_the_next_call(tmp_path: Path) -> None:
    FileNotify().send(report(tmp_path), soon())
    (tmp_path / "report.md").unlink()
    FileNotify().send(report(tmp_path), soon())
    assert (tmp_path / "report.md").exists()


def test_killed_at_any_instant_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(20):
        folder = tmp_path / str(number)
        process = context.Process(target=FileNotify().send, args=(report(folder), soon()))
        process.start()
        process.join(0.0003 * number)
        process.kill()
        process.join()
        if (folder / "report.json").exists():
            assert json.loads((folder / "report.json").read_text())["verdict"] == "failed"
        FileNotify().send(report(folder), soon())
        assert (folder / "report.md").read_text().endswith(".\n")


def test_no_time_left_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutOfTime):
        FileNotify().send(report(tmp_path), Deadline(SystemClock(), 0))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    taken = tmp_path / f"file-{secrets.token_hex(4)}"
    taken.write_text("in the way")
    with pytest.raises(Bug, match="report of 7/xenserver-flat/2 cannot be written"):
        FileNotify().send(report(taken), soon())

"""Tempest itself, installed and run by its driver; its four tests need no cloud."""

import threading
import time
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.smoke.tempest import PACKAGES, TempestSmoke
from orchestrator.drivers.smoke.toolbox import Toolbox
from orchestrator.model.errors import Cancelled, ConfigError, InfraError, OutOfTime
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome
from orchestrator.ports.clock import Deadline
from orchestrator.ports.smoke import Suite
from tests.contract.miniplugin import CONFIGURE, plant
from tests.contract.procs import naming

pytestmark = pytest.mark.real
MINI = "smoketest_mini"


def soon(seconds: float = 900) -> Deadline:
    return Deadline(SystemClock(), seconds)


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Toolbox:
    box = Toolbox(folder=tmp_path_factory.mktemp("tools") / "tempest", packages=PACKAGES)
    box.ready(lambda _: None, soon())
    plant(box.folder)
    return box


@pytest.fixture
def tempest(toolbox: Toolbox, tmp_path: Path) -> TempestSmoke:
    (tmp_path / "suites" / "tempest").mkdir(parents=True)
    (tmp_path / "suites" / "tempest" / "configure.py").write_text(CONFIGURE)
    return TempestSmoke(tmp_path / "suites", toolbox, "0a1b2c")


def suite(folder: Path, regex: str) -> Suite:
    name = AttemptId("1/tempest/1")
    return Suite(
        attempt=name, suite="tempest", tests=regex, settings=(), folder=str(folder / "attempt")
    )


def test_results_are_those_of_the_chosen_tests(tempest: TempestSmoke, tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):  # the second time, what the first left is of no account
        results = tempest.run(suite(tmp_path, f"{MINI}.*smoke"), told.append, soon())
    found = {test.name.partition("[")[0].rpartition("::")[2]: test for test in results}
    assert {name: test.outcome for name, test in found.items()} == {
        "test_configured": Outcome.PASSED,
        "test_broken": Outcome.FAILED,
        "test_not_here": Outcome.SKIPPED,
    }
    assert "no valid host" in found["test_broken"].message
    assert found["test_broken"].requests == ("req-77aa7c90-8f0e-4c7b-9d54-0b8f3f1f6a02",)
    assert "TestMini.test_broken failed" in told
    assert (tmp_path / "attempt" / "junit.xml").exists()


def test_no_match_and_no_cloud_are_told(tempest: TempestSmoke, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no test matches 'nothing_at_all'"):
        tempest.run(suite(tmp_path, "nothing_at_all"), print, soon())
    (tmp_path / "suites" / "tempest" / "configure.py").write_text(
        "import sys; sys.exit('the cloud has no image that is active')"
    )
    with pytest.raises(ConfigError, match="the cloud has no image that is active"):
        tempest.run(suite(tmp_path, MINI), print, soon())


@pytest.mark.parametrize("how", ["deadline", "cancel"])
def test_every_process_ends_with_the_deadline(
    tempest: TempestSmoke, tmp_path: Path, how: str
) -> None:
    stop = threading.Event()

    def guard() -> None:
        if stop.is_set():
            raise Cancelled
        begun = (tmp_path / "attempt" / ".tempest" / "begun").exists()
        if begun and how == "cancel":
            stop.set()

    seconds = 60 if how == "deadline" else 600
    deadline = Deadline(SystemClock(), seconds, guard)
    with pytest.raises(OutOfTime if how == "deadline" else Cancelled):
        tempest.run(suite(tmp_path, f"{MINI}.*test_slow"), lambda _: None, deadline)
    end = time.monotonic() + 20
    while naming(str(tmp_path / "attempt")) and time.monotonic() < end:
        time.sleep(0.1)
    assert naming(str(tmp_path / "attempt")) == []


def test_what_cannot_be_installed_is_told(tmp_path: Path) -> None:
    box = Toolbox(folder=tmp_path / "tools" / "none", packages=("smoketest-no-such-thing==9",))
    with pytest.raises(InfraError, match="smoketest-no-such-thing==9 cannot be installed"):
        box.ready(lambda _: None, soon())

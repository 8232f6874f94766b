"""The law of the smoke port, over the pytest driver and real suites."""

import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.smoke.pytests import PytestSmoke
from orchestrator.model.errors import Cancelled, ConfigError, InfraError, OutOfTime, ProductFailed
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, TestResult
from orchestrator.ports.clock import Deadline
from orchestrator.ports.orphans import COOKIE, cookie
from orchestrator.ports.smoke import Suite
from tests.contract.procs import carrying, command_line

ATTEMPT = AttemptId("7/kvm-flat/1")
MIXED = """
    import os
    import pytest

    def test_boot():
        print("a server boots")

    def test_two_nics():
        assert not os.environ.get("HOME") == "", "fine"
        raise AssertionError("no such column: nics.mac_address\\n  in a long trace")

    def test_bare():
        assert 1 == 2

    def test_words():
        pytest.fail("the address does not answer")

    def test_type():
        raise ValueError("bad answer")

    @pytest.mark.skip(reason="this cloud has no volumes")
    def test_volume():
        pass

    @pytest.fixture
    def server():
        raise RuntimeError("no flavor")

    def test_fixture(server):
        pass

    class TestImages:
        @pytest.mark.parametrize("kind", ["raw", "a b"])
        def test_upload(self, kind):
            pass
"""


class Lab:
    """Suites of a test's own, and what a driver tells about them."""

    def __init__(self, folder: Path) -> None:
        self.me = f"lab-{secrets.token_hex(4)}"
        self.suites = folder / "suites"
        self.folder = folder / "evidence"
        self.smoke = PytestSmoke(self.suites, self.me)
        self.told: list[str] = []

    def write(self, text: str, name: str = "compute/test_cloud.py") -> None:
        path = self.suites / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def run(self, tests: str = "", seconds: float = 30, **settings: str) -> tuple[TestResult, ...]:
        return self.run_until(Deadline(SystemClock(), seconds), tests, **settings)

    def run_until(
        self, deadline: Deadline, tests: str = "", **settings: str
    ) -> tuple[TestResult, ...]:
        suite = Suite(
            attempt=ATTEMPT,
            suite="compute",
            tests=tests,
            settings=tuple(settings.items()),
            folder=str(self.folder),
        )
        return self.smoke.run(suite, self.told.append, deadline)

    def children(self) -> list[int]:
        return carrying(f"{COOKIE}={cookie(self.me, ATTEMPT)}")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def wait_for_child(lab: Lab, marker: Path) -> None:
    give_up = time.monotonic() + 10
    while not marker.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert lab.children()


def test_every_outcome_comes_with_the_line_to_read(lab: Lab) -> None:
    lab.write(MIXED)
    got = [(r.name.removeprefix("test_cloud::"), r.outcome, r.message) for r in lab.run()]
    assert got == [
        ("test_boot", Outcome.PASSED, ""),
        ("test_two_nics", Outcome.FAILED, "no such column: nics.mac_address"),
        ("test_bare", Outcome.FAILED, "assert 1 == 2"),
        ("test_words", Outcome.FAILED, "the address does not answer"),
        ("test_type", Outcome.FAILED, "ValueError: bad answer"),
        ("test_volume", Outcome.SKIPPED, "this cloud has no volumes"),
        ("test_fixture", Outcome.ERROR, "RuntimeError: no flavor"),
        ("TestImages::test_upload[raw]", Outcome.PASSED, ""),
        ("TestImages::test_upload[a b]", Outcome.PASSED, ""),
    ]
    assert (lab.folder / "junit.xml").exists()
    assert "no such column" in (lab.folder / "smoke.log").read_text()


def test_progress_names_each_test_as_it_ends(lab: Lab) -> None:
    lab.write(MIXED)
    results = lab.run()
    assert [told.rpartition(" ")[0] for told in lab.told] == [result.name for result in results]
    assert lab.told[:2] == ["test_cloud::test_boot passed", "test_cloud::test_two_nics failed"]


def test_progress_is_told_while_the_suite_still_runs(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab.write(f"""
        import pathlib, time
        def test_a(): pass
        def test_b():
            while not pathlib.Path({str(gate)!r}).exists():
                time.sleep(0.02)
    """)
    lab.told = _Opener(gate)
    assert [result.outcome for result in lab.run(seconds=15)] == [Outcome.PASSED, Outcome.PASSED]


class _Opener(list[str]):
    """Lets the second test go on once it was told of the first."""

    def __init__(self, gate: Path) -> None:
        super().__init__()
        self.gate = gate

    def append(self, text: str) -> None:
        super().append(text)
        self.gate.touch()


def test_the_expression_selects(lab: Lab) -> None:
    lab.write(MIXED)
    assert [r.name for r in lab.run("boot or volume")] == [
        "test_cloud::test_boot",
        "test_cloud::test_volume",
    ]


def test_twice_is_once(lab: Lab) -> None:
    lab.write(MIXED)
    strip = [(r.name, r.outcome, r.message) for r in lab.run()]
    assert [(r.name, r.outcome, r.message) for r in lab.run()] == strip


def test_the_environment_is_ours_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("OS_PASSWORD", secrets.token_hex())
    lab.write("""
        import json, os, pathlib
        def test_env():
            pathlib.Path("env.json").write_text(json.dumps(dict(os.environ)))
    """)
    assert lab.run(**{"network-model": "vlan"})[0].outcome is Outcome.PASSED
    env = (lab.folder / "env.json").read_text()
    folder = str(lab.folder)
    for name, value in {
        "HOME": folder,
        "OS_CLIENT_CONFIG_FILE": f"{folder}/clouds.yaml",
        "OS_CLOUD": "smoketest",
        "SMOKETEST_NETWORK_MODEL": "vlan",
        "SMOKETEST_ATTEMPT": f"{lab.me}:7/kvm-flat/1",
    }.items():
        assert f'"{name}": "{value}"' in env
    assert "OS_PASSWORD" not in env
    assert "PYTEST_ADDOPTS" not in env


def test_a_file_in_the_evidence_cannot_pose_as_a_module(lab: Lab) -> None:
    lab.write(MIXED)
    lab.folder.mkdir()
    (lab.folder / "pytest.py").write_text("raise SystemExit('taken over')\n")
    (lab.folder / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    assert len(lab.run()) == 9


@pytest.mark.parametrize(
    ("text", "tests", "words"),
    [
        (MIXED, "nothing_like_it", "no test matches 'nothing_like_it'"),
        ("x = 1\n", "", "it holds no test"),
        ("import no_such_module\n", "", "test_cloud.py: ModuleNotFoundError: No mod"),
        ("def test_a(:\n", "", "test_cloud.py: SyntaxError: "),
        (MIXED, "a and and", "Wrong expression"),
        ("import os\ndef test_a(): os._exit(1)\n", "", "pytest ended with 1"),
    ],
)
def test_a_suite_that_cannot_run_is_a_config_error(
    lab: Lab, text: str, tests: str, words: str
) -> None:
    lab.write(text)
    with pytest.raises(ConfigError, match="the smoke suite compute cannot run: ") as raised:
        lab.run(tests)
    assert words in str(raised.value)


@pytest.mark.parametrize("name", ["nowhere", "../evidence", "/etc"])
def test_a_suite_that_is_not_there_is_a_config_error(lab: Lab, name: str) -> None:
    lab.folder.mkdir()
    lab.write(MIXED)
    suite = Suite(attempt=ATTEMPT, suite=name, tests="", settings=(), folder=str(lab.folder))
    with pytest.raises(ConfigError, match="there is no smoke suite"):
        lab.smoke.run(suite, lab.told.append, Deadline(SystemClock(), 5))


def test_a_suite_killed_from_outside_is_the_machines_fault(lab: Lab) -> None:
    lab.write("import os\ndef test_a(): os.kill(os.getpid(), 9)\n")
    with pytest.raises(InfraError, match="was killed by SIGKILL"):
        lab.run()


SLOW = """
    import pathlib, subprocess, time
    def test_slow():
        subprocess.Popen(["sleep", "60"])
        pathlib.Path("started").touch()
        time.sleep(60)
"""


def test_the_deadline_ends_every_process(lab: Lab) -> None:
    lab.write(SLOW)
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        lab.run(seconds=1.5)
    assert time.monotonic() - began < 3
    assert (lab.folder / "started").exists()
    assert not lab.children()


def test_no_time_left_runs_nothing(lab: Lab) -> None:
    lab.write(MIXED)
    with pytest.raises(OutOfTime):
        lab.run(seconds=0)
    assert not lab.folder.exists()


def test_a_cancelled_attempt_stops_within_a_second(lab: Lab) -> None:
    lab.write(SLOW)
    marker = lab.folder / "started"

    def guard() -> None:
        if marker.exists():
            raise Cancelled

    with pytest.raises(Cancelled):
        lab.run_until(Deadline(SystemClock(), 30, guard))
    assert time.time() - marker.stat().st_mtime < 1.5
    assert not lab.children()


def test_what_a_suite_leaves_behind_does_not_hold_us_up(lab: Lab) -> None:
    lab.write("""
        import subprocess
        def test_a(): subprocess.Popen(["sleep", "60"])
    """)
    began = time.monotonic()
    assert lab.run()[0].outcome is Outcome.PASSED
    assert time.monotonic() - began < 5
    assert not lab.children()


def test_killed_with_its_parent_and_called_again(lab: Lab) -> None:
    lab.write(SLOW)
    process = multiprocessing.get_context("fork").Process(target=lab.run)
    process.start()
    wait_for_child(lab, lab.folder / "started")
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    give_up = time.monotonic() + 3
    while (
        any("pytest" in command_line(pid) for pid in lab.children()) and time.monotonic() < give_up
    ):
        time.sleep(0.05)
    left = lab.children()
    assert not [pid for pid in left if "pytest" in command_line(pid)]
    for pid in left:  # a grandchild: the orphans port is there for these
        os.kill(pid, signal.SIGKILL)
    lab.write(MIXED)
    assert len(lab.run()) == 9


def test_a_flood_of_output_is_cut(lab: Lab) -> None:
    lab.write("""
        import sys
        def test_flood(capfd):
            with capfd.disabled():
                for _ in range(300):
                    print("x" * 100_000)
        def test_long():
            raise AssertionError("y" * 100_000)
    """)
    results = lab.run()
    assert not results[0].message
    assert 400 < len(results[1].message) <= 500
    assert (lab.folder / "smoke.log").stat().st_size < 9 * 2**20


def test_a_flooded_report_is_the_clouds_fault(lab: Lab) -> None:
    lab.write("def test_a(): raise AssertionError('z' * 34_000_000)\n")
    with pytest.raises(ProductFailed, match="the tests' report grew to 3"):
        lab.run()


def test_secrets_are_not_in_the_command_line(lab: Lab) -> None:
    """The cloud's password is in clouds.yaml alone; settings travel in the environment."""
    lab.write("""
        import pathlib
        def test_a():
            pathlib.Path("argv").write_bytes(pathlib.Path("/proc/self/cmdline").read_bytes())
    """)
    value = secrets.token_hex(8)
    lab.run(token=value)
    assert value not in (lab.folder / "argv").read_text()
    assert sys.executable in (lab.folder / "argv").read_text()
    assert subprocess.run(["grep", "-r", value, str(lab.folder)], check=False).returncode == 1

"""Smoke suites written for pytest, run in a process of their own against a deployed cloud."""

import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.drivers.smoke import child, junit
from orchestrator.model.errors import ConfigError, InfraError
from orchestrator.model.result import TestResult
from orchestrator.ports.clock import Deadline
from orchestrator.ports.orphans import COOKIE, cookie
from orchestrator.ports.smoke import Suite

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LARGEST_LOG = 8 * 2**20  # characters
_TEST = re.compile(r"(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*")
_COLLECTING = re.compile(r"_ ERROR collecting (\S+) _")
_OPTIONS = (
    "-v",
    "--config-file=/dev/null",  # the suite's own, not one that happens to be in a folder above
    "--disable-plugin-autoload",
    "--color=no",
    "--tb=short",
    "-pno:cacheprovider",
    "-oconsole_output_style=classic",
    "-overbosity_assertions=0",
)
_OK = frozenset({0, 1})
_NO_TESTS = 5


class PytestSmoke:
    """Runs a folder of tests; they find the cloud as any OpenStack client does."""

    def __init__(self, suites: Path, orchestrator: str) -> None:
        """Take the folder of suites and our own id."""
        self._suites = suites.absolute()
        self._orchestrator = orchestrator

    def run(
        self, suite: Suite, progress: Callable[[str], None], deadline: Deadline
    ) -> tuple[TestResult, ...]:
        """Return every test's outcome; keep `junit.xml` and `smoke.log` in the suite's folder."""
        where = self._suites / suite.suite
        if not where.is_dir() or not where.resolve().is_relative_to(self._suites.resolve()):
            msg = f"there is no smoke suite {suite.suite!r} below {self._suites}"
            raise ConfigError(msg)
        deadline.check()
        folder = Path(suite.folder).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        report = folder / "junit.xml"
        report.unlink(missing_ok=True)  # of an earlier try that was killed
        argv = [sys.executable, "-P", "-u", "-m", "pytest", *_OPTIONS]
        argv += [f"--rootdir={where}", f"--confcutdir={self._suites}", f"--junitxml={report}"]
        argv += [f"-k{suite.tests}"] if suite.tests.strip() else []
        with (folder / "smoke.log").open("w", 1, encoding="utf-8") as file:
            log = _Log(file.write, progress)
            code = child.run([*argv, str(where)], self._environ(suite), folder, log.take, deadline)
        if code not in _OK or not report.exists():
            _complain(code, suite, log.complaint)
        return junit.read(report)

    def _environ(self, suite: Suite) -> dict[str, str]:
        own = {
            f"SMOKETEST_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}": value
            for name, value in suite.settings
        }
        folder = str(Path(suite.folder).absolute())
        return own | {
            "PATH": _PATH,
            "HOME": folder,
            "LANG": "C.UTF-8",
            "OS_CLIENT_CONFIG_FILE": f"{folder}/clouds.yaml",
            "OS_CLOUD": "smoketest",
            COOKIE: cookie(self._orchestrator, suite.attempt),
        }


class _Log:
    """Keeps what pytest prints, up to a limit, and tells each test as it ends."""

    def __init__(self, write: Callable[[str], object], progress: Callable[[str], None]) -> None:
        self._write = write
        self._progress = progress
        self._left = _LARGEST_LOG
        self._file = ""
        #: pytest's own words for what is wrong with the suite, if it cannot be run
        self.complaint = ""

    def take(self, line: str) -> None:
        if self._left > 0:
            self._left -= len(line) + 1
            self._write(f"{line}\n" if self._left > 0 else "... the rest was dropped\n")
        if ended := _TEST.fullmatch(line):
            self._progress(f"{_short(ended[1])} {ended[2].lower()}")
        elif found := _COLLECTING.search(line):
            self._file = f"{found[1]}: "
        elif line.startswith(("E   ", "ERROR: ")):
            self.complaint = self._file + line.removeprefix("E ").removeprefix("ERROR:").strip()


def _short(node: str) -> str:
    """Return the name that the results use: `test_x::TestC::test_a` for `dir/test_x.py::...`."""
    path, _, rest = node.partition("::")
    return f"{Path(path).stem}::{rest}"


def _complain(code: int, suite: Suite, complaint: str) -> None:
    """Raise what pytest's exit status `code` means."""
    if code < 0:
        name = signal.Signals(-code).name
        msg = f"the smoke suite {suite.suite} was killed by {name} from outside: out of memory?"
        raise InfraError(msg)
    words = complaint or f"pytest ended with {code}"
    if code == _NO_TESTS:
        words = f"no test matches {suite.tests!r}" if suite.tests else "it holds no test"
    msg = f"the smoke suite {suite.suite} cannot run: {words}"
    raise ConfigError(msg)

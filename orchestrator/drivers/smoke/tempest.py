"""OpenStack's own integration tests as a suite, run from a virtualenv of their own."""

import json
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.drivers.smoke import child, junit
from orchestrator.drivers.smoke.toolbox import Toolbox
from orchestrator.model.errors import ConfigError, InfraError
from orchestrator.model.result import TestResult
from orchestrator.ports.clock import Deadline
from orchestrator.ports.orphans import COOKIE, cookie
from orchestrator.ports.smoke import Suite

#: `smoke: {suite: tempest}`
SUITE = "tempest"
PACKAGES = ("tempest==47.0.0", "junitxml==0.7")
#: tests at once; the machines are small ones
WORKERS = 2
#: below the attempt's folder; the dot keeps its credentials from being served
WORKSPACE = ".tempest"
#: written by a deploy whose guests are in a network of their own on this host: a command, as a list
WITHIN = "within.json"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TEST = re.compile(r"\{\d+\} (?P<name>\S+?)(?:\[[^\]]*\])? \[[\d.]+s\] \.{3} (?P<how>\w+)")
_LARGEST_LOG = 8 * 2**20  # characters
_EXPORT = "stestr last --subunit | subunit2junitxml --output-to=../../junit.xml"
_MATCHLESS = re.compile(r"regex doesn't match|No tests to run", re.IGNORECASE)
_OK = frozenset({0, 1})


class TempestSmoke:
    """Runs Tempest against the cloud that `clouds.yaml` names.

    `configure.py` of the suite's folder writes its configuration from what the cloud says of
    itself, with our own interpreter and its OpenStack client.
    """

    def __init__(self, suites: Path, toolbox: Toolbox, orchestrator: str) -> None:
        """Take the folder of suites, where Tempest is installed to, and our own id."""
        self._suites = suites.absolute()
        self._toolbox = toolbox
        self._orchestrator = orchestrator

    def run(
        self, suite: Suite, progress: Callable[[str], None], deadline: Deadline
    ) -> tuple[TestResult, ...]:
        """Return every test's outcome; keep `junit.xml` and `smoke.log` in the suite's folder."""
        deadline.check()
        self._toolbox.ready(progress, deadline)
        folder = Path(suite.folder).absolute()
        report = folder / "junit.xml"
        report.unlink(missing_ok=True)  # of an earlier try that was killed
        space = folder / WORKSPACE
        shutil.rmtree(folder / WORKSPACE, ignore_errors=True)
        (space / "tests").mkdir(parents=True)
        with (folder / "smoke.log").open("w", encoding="utf-8") as file:
            log = _Log(file.write, progress)
            self._configure(suite, space, log, deadline)
            argv = [*within(folder), self._toolbox.program("tempest"), "run"]
            argv += [f"--concurrency={WORKERS}"]
            argv += ["--regex", suite.tests] if suite.tests.strip() else []
            code = self._run(suite, argv, space, log, deadline)
            if code not in _OK or log.matchless:
                raise _complaint(code, suite, log)
            export = ["/bin/sh", "-c", _EXPORT]
            if self._run(suite, export, space, log, deadline) not in _OK or not report.exists():
                raise _complaint(code, suite, log)
        return junit.read(report)

    def _configure(self, suite: Suite, space: Path, log: "_Log", deadline: Deadline) -> None:
        """Make the workspace, and have the configuration written into it."""
        tempest = self._toolbox.program("tempest")
        init = [tempest, "init", "--workspace-path", str(space / "workspaces"), "."]
        write = [sys.executable, "-P", str(self._suites / SUITE / "configure.py"), "etc"]
        for argv in (init, write):
            if code := self._run(suite, argv, space, log, deadline):
                raise _complaint(code, suite, log)

    def _run(
        self, suite: Suite, argv: Sequence[str], space: Path, log: "_Log", deadline: Deadline
    ) -> int:
        env = self._environ(suite, space)
        return child.run(argv, env, space / "tests", log.take, deadline)

    def _environ(self, suite: Suite, space: Path) -> dict[str, str]:
        own = {
            f"SMOKETEST_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}": value
            for name, value in suite.settings
        }
        return own | {
            "PATH": f"{self._toolbox.folder}/bin:{_PATH}",
            "HOME": str(space),
            "LANG": "C.UTF-8",
            "OS_CLIENT_CONFIG_FILE": str(space.parent / "clouds.yaml"),
            "OS_CLOUD": "smoketest",
            COOKIE: cookie(self._orchestrator, suite.attempt),
        }


def within(folder: Path) -> tuple[str, ...]:
    """Return what Tempest has to be run by to reach the guests; nothing if they can be reached."""
    path = folder / WITHIN
    if not path.exists():
        return ()
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        words = error
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    msg = f"{path} does not say how guests are reached ({words}); see the log of the deploy"
    raise ConfigError(msg)


class _Log:
    """Keeps what is printed, up to a limit, and tells each test as it ends."""

    def __init__(self, write: Callable[[str], object], progress: Callable[[str], None]) -> None:
        self._write = write
        self._progress = progress
        self._left = _LARGEST_LOG
        #: the last line that says something
        self.last = ""
        #: no test has a name like that
        self.matchless = False

    def take(self, line: str) -> None:
        self._left -= len(line) + 1
        if self._left > 0:
            self._write(f"{line}\n")
        self.matchless = self.matchless or bool(_MATCHLESS.search(line))
        if ended := _TEST.match(line):
            name = ".".join(ended["name"].split(".")[-2:])
            self._progress(f"{name} {ended['how'].lower()}")
        elif line.strip():
            self.last = line.strip()


def _complaint(code: int, suite: Suite, log: _Log) -> ConfigError | InfraError:
    """Return what it means that there are no results."""
    if code < 0:
        name = signal.Signals(-code).name
        return InfraError(f"tempest was killed by {name} from outside: out of memory?")
    if log.matchless:
        return ConfigError(f"the smoke suite tempest cannot run: no test matches {suite.tests!r}")
    words = log.last or f"it ended with {code}"
    return ConfigError(f"the smoke suite tempest cannot run: {words}")

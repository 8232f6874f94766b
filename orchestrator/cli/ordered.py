"""An order done by a command of the partner's."""

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.drivers.smoke.junit import read as read_junit
from orchestrator.model.partner import Artifact, Claim
from orchestrator.model.result import Outcome, TestResult

#: seconds between looks at the command, and that it is given to end
LOOK_SECONDS = 0.2
END_SECONDS = 10.0
CONSOLE_TAIL = 256 << 10
_FILES = 100
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
GoOn = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an order came to."""

    claim: Claim
    tests: tuple[TestResult, ...] | None
    console: str
    files: tuple[Artifact, ...] = ()

    @classmethod
    def broken(cls, why: str) -> "Done":
        """Return what says that nothing could be found out."""
        return cls(claim=Claim.FAILURE, tests=None, console=why)

    def body(self, order: Mapping[str, str]) -> dict[str, object]:
        """Return it as it is signed and sent."""
        return {
            "key": order["key"],
            "commit": order["commit"],
            "claim": self.claim,
            "tests": None
            if self.tests is None
            else [
                {
                    "name": test.name,
                    "outcome": test.outcome,
                    "seconds": test.seconds,
                    "message": test.message,
                }
                for test in self.tests
            ],
            "artifacts": [
                {"name": file.name, "size": file.size, "sha256": file.sha256} for file in self.files
            ],
            "console": self.console[-CONSOLE_TAIL:],
        }


def run_command(command: str, order: Mapping[str, str], folder: Path, go_on: GoOn) -> Done | None:
    """Return what the command made of the order; None if `go_on` said to stop."""
    place = folder / _SAFE.sub("_", order["key"])
    results = place / "results"
    results.mkdir(parents=True, exist_ok=True)
    for old in results.rglob("*"):
        if old.is_file():
            old.unlink()
    log = place / "console.log"
    env = os.environ | {
        "RUN_ID": order["key"],
        "ARCH": order["arch"],
        "REPO": order["repo"],
        "REF": order["ref"],
        "COMMIT": order["commit"],
        "RESULTS": str(results),
    }
    with log.open("wb") as console:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=place,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
        try:
            finished = _watch(process, log, go_on)
        finally:
            _end(process)
    if not finished:
        return None
    return _done(process.returncode, results, _tail(log))


def _watch(process: subprocess.Popen[bytes], log: Path, go_on: GoOn) -> bool:
    while process.poll() is None:
        if not go_on(_last_line(log)):
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _done(status: int, results: Path, console: str) -> Done:
    """Return the claim: by the tests where there are any, else by the exit status alone."""
    reports = sorted(path for path in results.rglob("*.xml") if path.is_file())
    tests = tuple(test for path in reports for test in read_junit(path)) if reports else None
    red = any(test.outcome in {Outcome.FAILED, Outcome.ERROR} for test in tests or ())
    claim = Claim.UNSTABLE if red else Claim.SUCCESS if status == 0 else Claim.FAILURE
    kept = sorted(path for path in results.rglob("*") if path.is_file())[:_FILES]
    files = tuple(_file(path, results) for path in kept)
    return Done(claim=claim, tests=tests, console=console, files=files)


def _file(path: Path, results: Path) -> Artifact:
    content = path.read_bytes()
    name = str(path.relative_to(results))
    return Artifact(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - CONSOLE_TAIL))
        return file.read().decode(errors="replace")


def _last_line(log: Path) -> str:
    lines = _tail(log).strip().splitlines()
    return lines[-1] if lines else ""

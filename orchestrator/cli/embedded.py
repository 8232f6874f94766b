"""The orchestrator on our own home folder: found, started in the background, stopped."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console

from orchestrator.cli.client import Client
from orchestrator.cli.decode import decode, encode
from orchestrator.cli.transport import NoAnswer, Server
from orchestrator.model.errors import ConfigError, OutOfTime
from orchestrator.model.secret import Secret

START_SECONDS = 900.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.1
#: the module that is the server process
MODULE = "orchestrator.cli.serve"
#: what the newest `up` of a home was asked for, for a start by another verb
_REMEMBERED = "up.json"
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """How an orchestrator is started."""

    lab: str = ""
    nodes: int | None = None
    speed: str = ""
    port: int | None = None
    trust_code: bool = False
    store: str = ""

    def arguments(self) -> list[str]:
        """Return the options of the server process; what was not asked for is its default."""
        options = {"--lab": self.lab, "--nodes": self.nodes, "--speed": self.speed}
        pairs = {**options, "--port": self.port, "--store": self.store}.items()
        given = [part for name, value in pairs if value for part in (name, str(value))]
        return [*given, "--trust-code"] if self.trust_code else given

    def __str__(self) -> str:
        """Return what it starts, for a sentence."""
        return f"the lab of {self.lab}" if self.lab else "the lab in a box"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a running orchestrator wrote into `server.json`."""

    url: str
    token: str = field(repr=False)
    pid: int

    @property
    def server(self) -> Server:
        """Return where it answers; a token in the environment wins over the announced one."""
        return server(self.url, self.token)


def find(home: Path) -> Announcement | None:
    """Return what runs on the home; None if nothing, also when it was killed."""
    found = _announced(home)
    return found if found and _alive(found.pid) else None


def used(home: Path) -> bool:
    """Return whether an orchestrator ever kept anything there."""
    return home.is_dir() and any(home.iterdir())


def token_of(home: Path, url: str) -> str:
    """Return the token of the orchestrator on the home if that is the one at `url`."""
    found = _announced(home)
    return found.token if found and found.url.rstrip("/") == url.rstrip("/") else ""


def server(url: str, token: str) -> Server:
    """Return the server with the token of the environment, or else with `token`."""
    return Server(url=url, token=Secret(os.environ.get("SMOKETEST_TOKEN", "").strip() or token))


def find_or_start(home: Path, err: Console) -> Announcement:
    """Return the orchestrator of the home, started as it was the last time if none runs."""
    if found := find(home):
        return found
    up = _remembered(home)
    err.print(
        f"no orchestrator is running: starting {up} in the background; "
        "stop it with `smoketest down`",
        soft_wrap=True,
    )
    return start(home, up, err)


def start(home: Path, up: Up, err: Console) -> Announcement:
    """Start an orchestrator in a session of its own and wait until it answers.

    Raises `ConfigError` with its last words if it ended, `OutOfTime` after `START_SECONDS`.
    """
    with _starting(home):
        if found := find(home):
            return found
        process = None if _claimed(home) else _launch(home, up)
        spinner = err.status(f"starting {up} ...") if err.is_terminal else nullcontext()
        try:
            with spinner:
                return _await(home, process)
        except (KeyboardInterrupt, OutOfTime):
            if process:
                process.terminate()
            raise


def remember(home: Path, up: Up) -> None:
    """Keep how the home was started; trusting code is a decision for one start only."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = Up(lab=up.lab, nodes=up.nodes, speed=up.speed, port=up.port, store=up.store)
    draft = home / f"{_REMEMBERED}.new"
    draft.write_text(encode(kept))
    draft.replace(home / _REMEMBERED)


def remembered_lab(home: Path) -> str:
    """Return the lab that the home was started with last, empty for the one in a box."""
    return _remembered(home).lab


def kept_store(home: Path) -> str:
    """Return where the home's store was at the last start, empty if that is not known."""
    try:
        return (home / "store.url").read_text().strip()
    except OSError:
        return ""


def stop(home: Path) -> int | None:
    """Stop the orchestrator of the home and return its process id; None if none ran.

    Raises `OutOfTime` if it still runs after `STOP_SECONDS`.
    """
    found = find(home)
    if not found:
        return None
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while _alive(found.pid):
        if time.monotonic() > end:
            msg = (
                f"process {found.pid} did not stop within {STOP_SECONDS:.0f} s: "
                f"`kill -9 {found.pid}` loses nothing, the next start goes on from the store"
            )
            raise OutOfTime(msg)
        time.sleep(POLL_SECONDS)
    return found.pid


def command(home: Path, up: Up) -> list[str]:
    """Return the command that serves in the foreground."""
    return [sys.executable, *isolated(), "-m", MODULE, str(home), *up.arguments()]


def isolated() -> list[str]:
    """Return the options that keep modules in the folder that somebody stands in out of ours."""
    checkout = Path(sys.path[0] or ".").resolve() == _ROOT
    return [] if checkout else ["-P"]


def _launch(home: Path, up: Up) -> "subprocess.Popen[bytes]":
    with _log(home).open("ab") as output:
        return subprocess.Popen(
            command(home, up),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _claimed(home: Path) -> bool:
    """Return whether an `up` that does not answer yet has the home, as `wiring.home` claims it."""
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _await(home: Path, process: "subprocess.Popen[bytes] | None") -> Announcement:
    """Return what is announced; `process` is the one to blame if nothing is, None if not ours."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process and process.poll() is not None:
            log = _log(home)
            msg = f"the orchestrator did not start: {_last_line(log)} (all of it: {log})"
            raise ConfigError(msg)
        found = find(home)
        if found and _answers(found.server):
            return found
        time.sleep(POLL_SECONDS)
    msg = f"no orchestrator answered on {home} within {START_SECONDS:.0f} s: see {_log(home)}"
    raise OutOfTime(msg)


def _log(home: Path) -> Path:
    return home / "server.log"


def _answers(server: Server) -> bool:
    try:
        Client(server).health()
    except NoAnswer:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("smoketest: ") if lines else "it said nothing"


@contextmanager
def _starting(home: Path) -> Iterator[None]:
    """Let one command at a time start something on the home; the next finds it running."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (home / "starting.lock").open("w")
    except OSError as error:
        msg = f"{home} cannot be used as home ({error.strerror}): choose another with --home"
        raise ConfigError(msg) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _announced(home: Path) -> Announcement | None:
    try:
        return decode(Announcement, json.loads((home / "server.json").read_text()), "server.json")
    except (OSError, ValueError, ConfigError):
        return None


def _remembered(home: Path) -> Up:
    try:
        return decode(Up, json.loads((home / _REMEMBERED).read_text()), _REMEMBERED)
    except (OSError, ValueError, ConfigError):
        return Up()


def _alive(pid: int) -> bool:
    """Return whether that process runs and is an orchestrator: numbers are used again."""
    try:
        process = psutil.Process(pid)
        words = " ".join(process.cmdline())
        return process.status() != psutil.STATUS_ZOMBIE and "orchestrator" in words
    except psutil.Error:
        return False

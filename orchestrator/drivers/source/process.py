"""Git as a child process that cannot outlive its deadline, and hardly us."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.errors import ConfigError
from orchestrator.ports.clock import Deadline

_POLL = 0.2  # seconds between two looks at the deadline
_KEPT = ("HOME", "PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy")
_FIXED = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10",
}
#: what git adds to every failure to reach a repository
_EMPTY_WORDS = frozenset(
    {
        "",
        "fatal: Could not read from remote repository.",
        "Please make sure you have the correct access rights",
        "and the repository exists.",
    }
)
_LEVEL = re.compile(r"^(fatal|error|remote): *")
_SAFE = (
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a git command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Return git's own last line that says something, without its `fatal:`."""
        lines = [line for line in self.err.splitlines() if line.strip() not in _EMPTY_WORDS]
        return _LEVEL.sub("", lines[-1]).strip() if lines else f"it ended with {self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Runs git in one bare repository, with nobody's configuration but ours."""

    folder: Path
    #: the only configuration file that git and its own children read
    config: Path
    #: descriptor of a held lock: git's processes hold it too, until the last one is gone
    lock: int = -1

    def run(
        self, *argv: str, deadline: Deadline, stdin: str = "", env: Sequence[tuple[str, str]] = ()
    ) -> Done:
        """Return how `git ARGV` ended; every process is gone when the deadline's error rises."""
        deadline.check()
        flags = [part for flag in _SAFE for part in ("-c", flag)]
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        environment |= _FIXED | {"GIT_CONFIG_GLOBAL": str(self.config)} | dict(env)
        with subprocess.Popen(
            [*_leash(), "git", f"--git-dir={self.folder}", *flags, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=() if self.lock < 0 else (self.lock,),
            start_new_session=True,
        ) as process:
            try:
                out, err = _finish(process, stdin.encode(), deadline)
            finally:
                _end(process)
        return Done(
            code=process.returncode,
            out=out.decode(errors="replace"),
            err=err.decode(errors="replace"),
        )

    def must(
        self, *argv: str, deadline: Deadline, stdin: str = "", env: Sequence[tuple[str, str]] = ()
    ) -> str:
        """Return what `git ARGV` printed, stripped; raise `ConfigError` with git's own words."""
        done = self.run(*argv, deadline=deadline, stdin=stdin, env=env)
        if done.code:
            msg = f"git {argv[0]} failed: {done.complaint}"
            raise ConfigError(msg)
        return done.out.strip()


def _leash() -> tuple[str, ...]:
    """Return the command that makes the kernel kill its child when our thread is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _finish(
    process: subprocess.Popen[bytes], stdin: bytes, deadline: Deadline
) -> tuple[bytes, bytes]:
    data: bytes | None = stdin
    while True:
        try:
            return process.communicate(data, timeout=_POLL)
        except subprocess.TimeoutExpired:
            data = None  # what is left of it is sent by the next call
        deadline.check()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""Plays run by ansible-runner, each in a folder of its own, with pinned host keys."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ansible_runner import Runner, RunnerConfig

from orchestrator.drivers.deploy.scratch import base, scratch
from orchestrator.drivers.deploy.story import Story
from orchestrator.drivers.deploy.workspace import Workspace
from orchestrator.model.errors import ConfigError, InfraError, SmoketestError
from orchestrator.model.result import PlayResult
from orchestrator.model.secret import mask
from orchestrator.ports.clock import Deadline
from orchestrator.ports.deploy import Play
from orchestrator.ports.orphans import COOKIE, cookie

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GLANCE = 0.5  # seconds between two looks at the deadline
#: what ansible-runner sets for its own callback plugin
_RUNNERS = re.compile(r"ANSIBLE_STDOUT_CALLBACK|AWX_ISOLATED_DATA_DIR|RUNNER_.*")
#: a task of that name makes, or waits for, what all attempts share
SHARED = "shared:"
_SHARED_SECONDS = 7200.0
#: with what a task ends: the next one begins, or the play is over
_TASKS = frozenset({"playbook_on_task_start", "playbook_on_play_start", "playbook_on_stats"})
_DEAD_WORKER = "dead state"
#: ansible-playbook, started in two thirds of the time: it makes much and drops little while it
#: starts, and loads a second SSH client that is not used here
_START = """
import gc, sys
gc.set_threshold(50_000)
sys.modules["paramiko"] = None
from ansible.cli.playbook import main
main()
"""


class AnsibleDeploy:
    """Runs playbooks on installed nodes over SSH."""

    def __init__(
        self,
        playbooks: Path,
        orchestrator: str,
        secrets_dir: Path | None,
        python: str = "python3",
    ) -> None:
        """Take the folder of playbooks and our own id.

        Secrets are handed over in `secrets_dir`, in memory when None. `python` is looked up on
        each node's own PATH.
        """
        self._playbooks = playbooks.absolute()
        self._orchestrator = orchestrator
        self._base = base(secrets_dir)
        self._python = python

    def run(self, play: Play, progress: Callable[[str], None], deadline: Deadline) -> PlayResult:
        """Return what the play did to each host; keep its output as `<play>.log`.

        `progress` is told each task at each host as it starts, and each failure.
        """
        book = self._book(play.play)
        deadline.check()
        with scratch(self._base) as folder:
            space = Workspace(kept=_fresh(Path(play.folder), book.stem), scratch=folder)
            space.lay(play, self._python, self._playbooks / "roles")
            try:
                return self._run(play, book, space, progress, deadline)
            finally:
                space.clear()

    def _book(self, name: str) -> Path:
        book = self._playbooks / name
        if not book.is_file() or not book.resolve().is_relative_to(self._playbooks.resolve()):
            msg = f"there is no play {name!r} below {self._playbooks}"
            raise ConfigError(msg)
        return book

    def _run(
        self,
        play: Play,
        book: Path,
        space: Workspace,
        progress: Callable[[str], None],
        deadline: Deadline,
    ) -> PlayResult:
        hidden = [secret for _, secret in play.secrets]
        watch = Watch(deadline)
        with (Path(play.folder) / f"{book.stem}.log").open("w", 1, encoding="utf-8") as log:
            story = Story(
                hosts=[host.name for host in play.hosts],
                progress=progress,
                write=log.write,
                hide=lambda text: mask(text, hidden),
            )
            config = _configure(book, space, self._environ(play, space))

            def hear(event: Mapping[str, Any]) -> bool:
                watch.hear(event)
                return story.take(event)

            runner = Runner(config, event_handler=hear, cancel_callback=watch.stopped)
            with watch.aside:
                runner.run()
        if watch.reason:
            raise watch.reason
        if not story.ended:
            raise _reason(book.name, runner.rc, story.error())
        return story.result()

    def _environ(self, play: Play, space: Workspace) -> dict[str, str]:
        return {
            "PATH": _PATH,
            "HOME": str(space.scratch),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(space.config),
            "ANSIBLE_HOME": str(space.scratch),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            COOKIE: cookie(self._orchestrator, play.attempt),
        }


@dataclass(slots=True)
class Watch:
    """Asks the deadline, and keeps its answer until ansible-runner has let go.

    The deadline stands still during a task that is named `shared: ...`, which has one of its own.
    """

    deadline: Deadline
    reason: SmoketestError | None = None
    #: what is under way beside the deadline
    aside: ExitStack = field(default_factory=ExitStack)
    _shared: Deadline | None = None

    def hear(self, event: Mapping[str, Any]) -> None:
        """Note which task is under way."""
        if event.get("event") not in _TASKS:
            return
        self.aside.close()
        name = str((event.get("event_data") or {}).get("task", ""))
        _, shared, what = name.rpartition(SHARED)
        own = self.deadline.beside(_SHARED_SECONDS, what.strip())
        self._shared = self.aside.enter_context(own) if shared else None

    def stopped(self) -> bool:
        """Return whether the play is to end."""
        try:
            (self._shared or self.deadline).check()
        except SmoketestError as error:
            self.reason = self.reason or error
        return self.reason is not None


def _configure(book: Path, space: Workspace, env: Mapping[str, str]) -> RunnerConfig:
    config = RunnerConfig(
        private_data_dir=str(space.kept),
        artifact_dir=str(space.kept.parent),
        ident=space.kept.name,
        playbook=str(book),
        inventory=str(space.inventory),
        cmdline=" ".join(f"-e @{shlex.quote(str(path))}" for path in space.variables),
        suppress_env_files=True,
        fact_cache_type="memory",
    )
    config.prepare()
    config.pexpect_timeout = _GLANCE
    config.suppress_output_file = config.suppress_ansible_output = True
    # It would hand on, and write down, all of our own environment.
    runners = {name: value for name, value in config.env.items() if _RUNNERS.fullmatch(name)}
    plugins = config.env["ANSIBLE_CALLBACK_PLUGINS"].split(":")[-1]
    config.env = {**runners, "ANSIBLE_CALLBACK_PLUGINS": plugins, **env}
    config.command[:1] = [*_leash(), sys.executable, "-I", "-c", _START]
    return config


def _leash() -> tuple[str, ...]:
    """Return the command that makes the kernel kill its child when our thread is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _fresh(folder: Path, name: str) -> Path:
    """Make and return the next free `ansible/<name>-<n>` below `folder`."""
    for number in count(1):
        path = folder.absolute() / "ansible" / f"{name}-{number}"
        with suppress(FileExistsError):
            path.mkdir(parents=True, mode=0o700)
            break
    return path


def _reason(name: str, status: int | None, words: str) -> SmoketestError:
    """Return why a play did not come to its recap."""
    if status is None or _DEAD_WORKER in words:
        return InfraError(f"ansible-playbook ({name}) was killed from outside: out of memory?")
    return ConfigError(f"{name} cannot be run: {words or f'ansible-playbook ended with {status}'}")

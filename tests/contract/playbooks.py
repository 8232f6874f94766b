"""Playbooks of a test's own, run by the Ansible driver on a real OpenSSH server."""

import secrets
import shutil
import textwrap
from pathlib import Path

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.deploy.ansible import AnsibleDeploy
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import PlayResult
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.deploy import Play, PlayHost
from orchestrator.ports.orphans import COOKIE, cookie
from tests.contract.procs import carrying, naming
from tests.contract.sshd import Sshd

ATTEMPT = AttemptId("7/kvm-flat/1")


class Lab:
    """Playbooks of a test's own, and what a driver tells about them."""

    def __init__(self, folder: Path, sshd: Sshd) -> None:
        """Take a folder of the test's own and the server that all hosts are."""
        self.me = f"lab-{secrets.token_hex(4)}"
        self.sshd = sshd
        self.books = folder / "playbooks"
        self.books.mkdir()
        self.folder = folder / "evidence"
        self.folder.mkdir()
        self.memory = folder / "m"
        if len(str(self.memory)) > 50:
            self.memory = Path("/dev/shm") / self.me  # noqa: S108  # a name nobody can guess
        self.deploy = AnsibleDeploy(self.books, self.me, self.memory)
        self.told: list[str] = []

    def write(self, tasks: str) -> None:
        """Make `site.yml` of these tasks."""
        body = textwrap.indent(textwrap.dedent(tasks).strip(), "    ")
        (self.books / "site.yml").write_text(
            f"- hosts: all\n  gather_facts: false\n  tasks:\n{body}\n"
        )

    def host(self, name: str = "node1", **settings: str) -> PlayHost:
        """Return a host that answers."""
        return PlayHost(
            name=name,
            groups=("compute", "lab"),
            access=self.sshd.access(),
            settings=tuple(settings.items()),
        )

    def play(self, *hosts: PlayHost, **hidden: str) -> Play:
        """Return `site.yml` for the hosts (default: one) with secrets."""
        return Play(
            attempt=ATTEMPT,
            play="site.yml",
            hosts=hosts or (self.host(),),
            settings=(("network_model", "vlan"),),
            secrets=tuple((name, Secret(value)) for name, value in hidden.items()),
            key=str(self.sshd.key),
            folder=str(self.folder),
        )

    def run(self, *hosts: PlayHost, seconds: float = 60, **hidden: str) -> PlayResult:
        """Run `site.yml`."""
        return self.run_until(Deadline(SystemClock(), seconds), *hosts, **hidden)

    def run_until(self, deadline: Deadline, *hosts: PlayHost, **hidden: str) -> PlayResult:
        """Run `site.yml` with a deadline of the test's own."""
        return self.deploy.run(self.play(*hosts, **hidden), self.told.append, deadline)

    def processes(self) -> list[int]:
        """Return what runs for us: by the attempt's cookie, or by the folder in memory."""
        mine = carrying(f"{COOKIE}={cookie(self.me, ATTEMPT)}") + naming(str(self.memory))
        return sorted(set(mine))

    def log(self) -> str:
        """Return what Ansible printed."""
        return (self.folder / "site.log").read_text()

    def close(self) -> None:
        """Complain about what a play left behind: a process, or a folder in memory."""
        left = [str(path) for path in self.memory.glob("*")]
        shutil.rmtree(self.memory, ignore_errors=True)
        assert not left
        assert not self.processes()

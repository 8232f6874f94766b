"""What any `ports.shell.Shell` owes its caller, tried on SSH against a real OpenSSH server."""

import time
from collections.abc import Iterator

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.shell.ssh import SshShell
from orchestrator.model.errors import Cancelled, OutOfTime, Unreachable
from orchestrator.ports.clock import Deadline
from tests.contract.sshd import Sshd

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    serving = Sshd(tmp_path_factory.mktemp("ssh") / "sshd")
    yield serving
    serving.stop()


def ask(server: Sshd, command: str, deadline: Deadline | None = None) -> str:
    limit = deadline or Deadline(CLOCK, 30)
    return SshShell().run(server.access(), str(server.key), command, limit)


def test_what_a_command_prints_is_returned_whole(server: Sshd) -> None:
    assert ask(server, "echo one; echo no >&2; sleep 0.4; echo two") == "one\ntwo"
    # more than a channel takes without being read
    assert len(ask(server, "head -c 5000000 /dev/zero | tr '\\0' x")) == 5_000_000


def test_a_command_that_fails_tells_its_last_words(server: Sshd) -> None:
    with pytest.raises(Unreachable, match=r"`false` ended with status 1"):
        ask(server, "false")
    with pytest.raises(Unreachable, match=r"status 3: a / b"):
        ask(server, "sleep 0.4; printf 'a\\nb\\n' >&2; exit 3")


def test_who_runs_out_of_time_is_told_so_soon(server: Sshd) -> None:
    began = time.monotonic()
    with pytest.raises((Unreachable, OutOfTime)):
        ask(server, "sleep 30", Deadline(CLOCK, 0.6))
    assert time.monotonic() - began < 5


def test_a_cancelled_attempt_waits_for_no_command(server: Sshd) -> None:
    began = time.monotonic()

    def stopped() -> None:
        if time.monotonic() - began > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        ask(server, "sleep 30", Deadline(CLOCK, 60, stopped))
    assert time.monotonic() - began < 5

"""The law of the orphans port, over the driver that finds them by cookie."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from orchestrator.drivers.orphans.cookie import CookieOrphans
from orchestrator.model.ids import AttemptId
from orchestrator.ports.orphans import COOKIE, Orphans, cookie
from tests.contract.procs import carrying

ME = f"lab-{secrets.token_hex(4)}"
ATTEMPT = AttemptId("7/kvm-flat/1")
ENTRY = f"{COOKIE}={cookie(ME, ATTEMPT)}"
#: forks for ever: every child starts the next one and then sleeps
BREEDER = """
import os, sys, time
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.002)
        continue
    time.sleep(0.05)
    os._exit(0)
"""


@pytest.fixture
def orphans() -> Orphans:
    return CookieOrphans(ME)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(value: str, *argv: str) -> subprocess.Popen[bytes]:
    env = {"PATH": os.environ["PATH"], COOKIE: value}
    return subprocess.Popen(argv or ("sleep", "60"), env=env, start_new_session=True)


def test_ends_what_carries_the_cookie_and_counts_it(
    orphans: Orphans, started: list[subprocess.Popen[bytes]]
) -> None:
    started += [start(cookie(ME, ATTEMPT)) for _ in range(3)]
    assert orphans.end(ATTEMPT) == 3
    assert [process.wait(1) for process in started] == [-9, -9, -9]


def test_twice_is_once(orphans: Orphans, started: list[subprocess.Popen[bytes]]) -> None:
    started.append(start(cookie(ME, ATTEMPT)))
    assert orphans.end(ATTEMPT) == 1
    started[0].wait(1)
    assert orphans.end(ATTEMPT) == 0


@pytest.mark.parametrize(
    "other",
    [
        "{me}:7/kvm-flat/11",  # starts with our cookie
        "{me}:17/kvm-flat/1",
        "x{me}:7/kvm-flat/1",  # ends with it
        "another-lab:7/kvm-flat/1",
    ],
)
def test_leaves_everybody_else_alone(
    orphans: Orphans, started: list[subprocess.Popen[bytes]], other: str
) -> None:
    started.append(start(other.format(me=ME)))
    assert orphans.end(ATTEMPT) == 0
    assert started[0].poll() is None


def test_ends_a_grandchild_that_has_left_its_family(orphans: Orphans) -> None:
    start(cookie(ME, ATTEMPT), "sh", "-c", "setsid sleep 60 & exit").wait(5)
    assert len(carrying(ENTRY)) == 1
    assert orphans.end(ATTEMPT) == 1
    assert not carrying(ENTRY)


def test_ends_processes_that_keep_forking(
    orphans: Orphans, started: list[subprocess.Popen[bytes]]
) -> None:
    started.append(start(cookie(ME, ATTEMPT), sys.executable, "-c", BREEDER))
    time.sleep(0.3)
    assert orphans.end(ATTEMPT) >= 1
    time.sleep(0.2)
    assert not carrying(ENTRY)


def test_never_ends_itself() -> None:
    """An orchestrator that was itself started inside an attempt lives on."""
    code = (
        "from orchestrator.drivers.orphans.cookie import CookieOrphans;"
        f"print(CookieOrphans({ME!r}).end({ATTEMPT!r}))"
    )
    env = {**os.environ, COOKIE: cookie(ME, ATTEMPT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0\n")

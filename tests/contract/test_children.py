"""Children: killed at the deadline, gone with us, and nobody overhears their orders."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.model.errors import Cancelled, OutOfTime
from orchestrator.ports.children import ChildDied
from orchestrator.ports.clock import Deadline
from tests.contract import chores, rig
from tests.contract.power_law import descendants, within
from tests.contract.rig import wait_for


@pytest.fixture
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "pid"


def gone(pid_file: Path) -> bool:
    return rig.gone(int(pid_file.read_text()))


def ask(children: WarmChildren, value: object) -> object:
    with children.start(chores.answer, value) as child:
        return child.result(within(10))


def test_returns_what_the_function_returned(children: WarmChildren) -> None:
    assert ask(children, ("a value", 3)) == ("a value", 3)
    assert ask(children, "x" * 3_000_000) == "x" * 3_000_000


def test_each_child_is_a_process_of_its_own(children: WarmChildren) -> None:
    pids = set()
    for _ in range(3):
        with children.start(chores.whoami, None) as child:
            pids.add(child.result(within(10)))
    assert len(pids | {os.getpid(), children.pid}) == 5


def test_a_hanging_child_is_killed_at_the_deadline(children: WarmChildren, pid_file: Path) -> None:
    began = time.monotonic()
    with pytest.raises(OutOfTime), children.start(chores.hang, str(pid_file)) as child:
        child.result(within(1))
    assert time.monotonic() - began < 1.5
    wait_for(lambda: gone(pid_file), 1)


def test_a_hanging_child_is_killed_when_the_guard_says_so(
    children: WarmChildren, pid_file: Path
) -> None:
    def guard() -> None:
        if pid_file.exists():
            raise Cancelled

    with pytest.raises(Cancelled), children.start(chores.hang, str(pid_file)) as child:
        child.result(Deadline(rig.CLOCK, 10, guard))
    wait_for(lambda: gone(pid_file), 1)


def test_an_interrupted_child_may_finish(children: WarmChildren, pid_file: Path) -> None:
    with children.start(chores.mind, str(pid_file)) as child, ThreadPoolExecutor(1) as thread:
        result = thread.submit(child.result, None)
        wait_for(pid_file.exists)
        child.interrupt()
        assert result.result(5) == "a bow"


def test_a_killed_child_ends_the_wait(children: WarmChildren, pid_file: Path) -> None:
    with children.start(chores.hang, str(pid_file)) as child, ThreadPoolExecutor(1) as thread:
        result = thread.submit(child.result, None)
        wait_for(pid_file.exists)
        child.kill()
        with pytest.raises(ChildDied):
            result.result(5)


def test_a_child_without_an_order_never_gets_one(children: WarmChildren, pid_file: Path) -> None:
    ask(children, None)
    with children.start(chores.hang, str(pid_file)) as child:
        child.interrupt()
        with pytest.raises(ChildDied):
            child.result(within(5))
    child.kill()
    assert not pid_file.exists()


def test_last_words_come_out(children: WarmChildren) -> None:
    with (
        pytest.raises(ChildDied, match="ValueError: over the doorstep"),
        children.start(chores.stumble, "over the doorstep") as child,
    ):
        child.result(within(5))
    with pytest.raises(ChildDied), children.start(chores.crash, None) as child:
        child.result(within(5))
    assert ask(children, 1) == 1


def test_fifty_side_by_side_and_nothing_is_left_open(children: WarmChildren) -> None:
    ask(children, 0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(lambda n: ask(children, n), range(200))) == list(range(200))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert children.pid
    assert len(list(Path(f"/proc/{children.pid}/fd").iterdir())) < 10


def test_outlives_the_thread_that_began(children: WarmChildren) -> None:
    starter = threading.Thread(target=ask, args=(children, 1))
    starter.start()
    starter.join()
    pid = children.pid
    time.sleep(0.2)
    assert ask(children, 2) == 2
    assert children.pid == pid


def test_a_killed_zygote_takes_its_children_along_and_is_replaced(
    children: WarmChildren, pid_file: Path
) -> None:
    with children.start(chores.hang, str(pid_file)) as child, ThreadPoolExecutor(1) as thread:
        result = thread.submit(child.result, None)
        wait_for(pid_file.exists)
        assert children.pid
        rig.kill(children.pid)
        with pytest.raises(ChildDied):
            result.result(5)
    wait_for(lambda: gone(pid_file), 1)
    assert ask(children, 3) == 3


def test_close_ends_everything(children: WarmChildren, pid_file: Path) -> None:
    with children.start(chores.hang, str(pid_file)) as child, ThreadPoolExecutor(1) as thread:
        result = thread.submit(child.result, None)
        wait_for(pid_file.exists)
        children.close()
        with pytest.raises(ChildDied):
            result.result(5)
    wait_for(lambda: gone(pid_file), 1)


OWNER = """
import os, sys, time
from orchestrator.drivers.children.warm import WarmChildren
from tests.contract import chores

def main():
    with WarmChildren().start(chores.hang, sys.stdin.readline().strip()) as child:
        if os.fork():
            child.result(None)
        time.sleep(3)  # an heir of all sockets, as any fork of ours is for a while

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("way", ["-c", "script", "-m"])
def test_a_killed_owner_takes_them_along_however_it_was_started(
    tmp_path: Path, pid_file: Path, way: str
) -> None:
    token, order = secrets.token_hex(8), secrets.token_hex(8)
    (tmp_path / "owner.py").write_text(OWNER)
    command = {"-c": ["-c", OWNER], "script": [str(tmp_path / "owner.py")], "-m": ["-m", "owner"]}
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, *command[way]],
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "VICTIM": token, "PYTHONPATH": path},
        cwd=tmp_path,
    ) as owner:
        assert owner.stdin
        secret_file = pid_file.with_name(order)
        owner.stdin.write(f"{secret_file}\n")
        owner.stdin.flush()
        wait_for(secret_file.exists)
        family = descendants(token)
        assert len(family) == 4
        assert order not in "".join(text for pair in family.values() for text in pair)
        owner.send_signal(signal.SIGKILL)
    wait_for(lambda: len(descendants(token)) == 1, 1)

"""What the tests of emulated machines measure: phases and cost of the install that was whole."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.real.side_by_side import MARKS, RESET, Watched

POLL = 0.1


def boot(place: Path) -> "subprocess.Popen[str]":
    """A process that looks like the QEMU of n01 in that place; ends when its input does."""
    (place / "n01").write_text("input()\n")
    argv = ["qemu-system-none", "-S", "n01", str(place)]
    return subprocess.Popen(
        argv, executable=sys.executable, cwd=place, stdin=subprocess.PIPE, text=True
    )


def eventually(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < end, "not seen"
        time.sleep(POLL)


def test_a_broken_try_before_the_install_is_not_what_is_measured(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.touch()
    watched = Watched(name="n01", place=tmp_path, console=console.read_text, poll=POLL)
    thread = watched.start()
    whole = tuple(MARKS.values())
    for number, marks in enumerate((whole[:2], whole, ("Linux version",)), 1):
        with boot(tmp_path) as machine:
            eventually(lambda n=number: len(watched.boots) == n)
            time.sleep(2 * POLL)
            with console.open("a") as said:
                said.write("\n".join(marks) + "\n")
            known = watched.boots[-1].moments
            eventually(lambda known=known, marks=marks: len(known) == len(marks))
            machine.communicate("\n")
        eventually(lambda known=known: RESET in known)
    watched.stop()
    thread.join()
    assert [boot.installed for boot in watched.boots] == [False, True, False]
    assert watched.install is watched.boots[1].moments
    costs = [boot.moments[RESET].processor for boot in watched.boots]
    assert watched.processor == sum(costs[1:])

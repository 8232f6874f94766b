"""What children are told to do in `test_children.py`."""

import os
import signal
import time
from pathlib import Path
from types import FrameType


def answer(value: object) -> object:
    return value


def whoami(_: object) -> int:
    return os.getpid()


def report(pid_file: str) -> None:
    """Write our process id; the file is there only once it is whole."""
    draft = Path(f"{pid_file}.new")
    draft.write_text(str(os.getpid()))
    draft.rename(pid_file)


def hang(pid_file: str) -> None:
    """Hang as a library does that swallows every signal it can."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report(pid_file)
    while True:
        time.sleep(60)


def mind(pid_file: str) -> str:
    """Wait for SIGTERM; return what the last act was."""

    def bow(_number: int, _frame: FrameType | None) -> None:
        raise InterruptedError

    signal.signal(signal.SIGTERM, bow)
    try:
        report(pid_file)
        time.sleep(60)
    except InterruptedError:
        return "a bow"
    return "nothing"


def stumble(text: str) -> None:
    raise ValueError(text)


def crash(_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)

"""What a serial console says about a machine that will not arrive."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.model.errors import ConfigError, InfraError
from orchestrator.model.recognisers.known import (
    LIFE,
    RECOGNISERS,
    RESTARTS,
    TURNED_ON,
    WENT_TO_DISK,
)
from orchestrator.model.recognisers.recogniser import Recogniser, Weight
from orchestrator.model.secret import MASK
from orchestrator.model.verdict import Blame

#: how much of a line is worth quoting
_QUOTED = 160
#: consoles' lines that are kept apart from each poll to the next
_REMEMBERED = 4096
#: our boot URLs hold a one-time token
_TOKEN = re.compile(r"(/boot/)[\w-]{16,}")
#: what a loader may go on saying on the next row of its screen, which has 80 columns
_LONG = re.compile(r"(?:(?:https?|tftp)://|Configuring \(net).*[^)k]")
_COLUMNS = 80
_UNDERLINE = re.compile(r"-{4,}")
#: moving the cursor is how a full-screen installer ends a line
_MOVES = re.compile(r"\x1b\[[0-9;]*[HfABEFd]|[\r\n]+")
_CODES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # what a terminal is told
    r"|\x1b[PX^_\]].*?(?:\x1b\\|\x07)"  # strings to it, e.g. a window title
    r"|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
#: the recorder's own, about the console's session
_NOTE = re.compile(r"\[console (?:connected\]|lost: )")
_STARTED_OVER = (
    "it reset itself before it was installed (its firmware started again: {line});"
    " check power supply, watchdog and temperature, and read the BMC's event log"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Whose fault a console shows, and the sentence for a person."""

    blame: Blame
    sentence: str

    @property
    def error(self) -> type[ConfigError | InfraError]:
        """Return what to raise about it."""
        return ConfigError if self.blame is Blame.CONFIG else InfraError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clue:
    """A line that means something, and the title of the screen that it stands on."""

    known: Recogniser
    line: str
    title: str

    def sentence(self) -> str:
        title = f" ({self.title})" if self.title else ""
        return self.known.sentence.format(line=quoted(self.line), title=title)


def recognise(lines: Sequence[str], *, over: bool = False) -> Diagnosis | None:
    """Return why the machine gave up, or None while the console does not show that it did.

    What matters is said after its last sign of life. The first failure is the cause, and what
    comes after it only follows. With `over`, nobody waits for the machine any more, and what it
    might still have got over is a cause, too.
    """
    clues = _clues(lines)
    if not over and all(clue.known.weight is Weight.WARNS for clue in clues):
        return None
    causes = [clue for clue in clues if clue.known.weight is not Weight.ENDS]
    for clue in causes or clues:
        return Diagnosis(blame=clue.known.blame, sentence=clue.sentence())
    return None


def missed(lines: Sequence[str]) -> Diagnosis | None:
    """Return why the firmware gave the network up and booted what is on the disk, if it did.

    Of a machine that fetched nothing from us: whatever else it boots is not ours.
    """
    for end, line in enumerate(lines):
        if WENT_TO_DISK.search(line.strip()) and (clues := _clues(lines[:end])):
            sentence = f"{clues[0].sentence()} (it went on to boot its disk)"
            return Diagnosis(blame=clues[0].known.blame, sentence=sentence)
    return None


def started_over(lines: Sequence[str], mark: str) -> Diagnosis | None:
    """Return that the machine reset itself: its firmware starts after our script with `mark`.

    Not if it said before that it would.
    """
    begun = False
    for line in map(str.strip, lines):
        if begun and TURNED_ON.search(line):
            return Diagnosis(blame=Blame.INFRA, sentence=_STARTED_OVER.format(line=quoted(line)))
        begun = (begun or mark in line) and not RESTARTS.search(line)
    return None


def turned_on(lines: Sequence[str]) -> bool:
    """Return whether a firmware starts somewhere in the lines."""
    return any(TURNED_ON.search(line) for line in lines)


def printed(text: str) -> tuple[str, ...]:
    """Return the non-empty lines of what a console printed, without control codes."""
    found = (_CODES.sub("", line).strip() for line in _MOVES.split(text))
    return tuple(line for line in found if line)


def words(lines: Sequence[str]) -> tuple[str, ...]:
    """Return what the machine printed, without the notes of whoever recorded it."""
    return tuple(line for line in lines if not _NOTE.match(line))


def quoted(line: str) -> str:
    """Return as much of a console's line as is worth showing, without our one-time tokens."""
    return _TOKEN.sub(rf"\g<1>{MASK}", line)[:_QUOTED]


def _clues(lines: Sequence[str]) -> list[_Clue]:
    """Return what is recognised since the last sign of life, oldest first."""
    clues: list[_Clue] = []
    alive = title = before = ""
    for line in _unbroken(lines):
        if LIFE.search(line):
            clues, alive, title = [], line, ""
        elif known := _recogniser(line, alive):
            clues.append(_Clue(known=known, line=line, title=title))
        elif _UNDERLINE.fullmatch(line):
            title = before
        before = line
    return clues


def _unbroken(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines stripped; what a loader's screen broke at its edge is put together again."""
    held = ""
    for line in map(str.strip, lines):
        whole = held + line
        full = len(line) >= _COLUMNS - 1 and _LONG.fullmatch(whole)
        held = whole.ljust(_COLUMNS) if full else ""
        if not held:
            yield whole
    if held:
        yield held


def _recogniser(line: str, alive: str) -> Recogniser | None:
    known = (known for known in _matching(line) if not known.after or known.after.search(alive))
    return next(known, None)


@lru_cache(_REMEMBERED)
def _matching(line: str) -> tuple[Recogniser, ...]:
    return tuple(known for known in RECOGNISERS if known.pattern.search(line))

"""What a serial console says about a machine that will not arrive."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.recognisers import LIFE, RECOGNISERS, Recogniser, Weight
from orchestrator.model.verdict import Blame

#: how much of a line is worth quoting
_QUOTED = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Whose fault a console shows, and the sentence for a person."""

    blame: Blame
    sentence: str


def recognise(lines: Sequence[str], *, over: bool = False) -> Diagnosis | None:
    """Return why the machine gave up, or None while the console does not show that it did.

    What matters is said after its last sign of life. The first failure is the cause, and what
    comes after it only follows. With `over`, nobody waits for the machine any more, and what it
    might still have got over is a cause, too.
    """
    clues = _clues(lines)
    if not over and all(known.weight is Weight.WARNS for known, _ in clues):
        return None
    causes = [clue for clue in clues if clue[0].weight is not Weight.ENDS]
    for known, line in causes or clues:
        sentence = known.sentence.format(line=line.strip()[:_QUOTED])
        return Diagnosis(blame=known.blame, sentence=sentence)
    return None


def _clues(lines: Sequence[str]) -> list[tuple[Recogniser, str]]:
    """Return what is recognised since the last sign of life, oldest first."""
    clues: list[tuple[Recogniser, str]] = []
    for line in lines:
        if LIFE.search(line.rstrip()):
            clues = []
        elif known := _recogniser(line.strip()):
            clues.append((known, line))
    return clues


def _recogniser(line: str) -> Recogniser | None:
    return next((known for known in RECOGNISERS if known.pattern.search(line)), None)

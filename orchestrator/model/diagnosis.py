"""Why an attempt failed, as the services' own logs tell it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.model.logs import Block, LogFile, about, blocks, raised
from orchestrator.model.recognisers.deployment import CAUSES, ENDS, FOUNDATION, RECOVERED
from orchestrator.model.recognisers.recogniser import Recogniser, Weight
from orchestrator.model.verdict import Blame

_LONGEST = 300
_WIDEST = 220


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Who said what went wrong: a sentence with the service's name, and the lines behind it."""

    service: str
    node: str
    sentence: str
    #: whose the failure is, whatever was thought before; None: as was thought
    blame: Blame | None
    #: the request that it is about; empty: none in particular
    request: str
    excerpt: str


def of_deploy(logs: Sequence[LogFile]) -> Diagnosis | None:
    """Return why the cloud did not come up, or None if no log tells."""
    return _first(logs, (*FOUNDATION, *CAUSES))


def of_test(logs: Sequence[LogFile], requests: Sequence[str]) -> Diagnosis | None:
    """Return why a test failed that sent these requests, the newest first; None if no log tells.

    What the services stand on comes first, and then the newest request that a service failed at:
    a cause that is known, or else the exception that is not just the end of others.
    """
    if found := _first(logs, FOUNDATION):
        return found
    for request in requests:
        if told := tuple(about(logs, request)):
            return _worst(told, request)
    return None


def _worst(told: Sequence[tuple[LogFile, Block]], request: str) -> Diagnosis:
    """Return what tells most of what services logged about a request that they failed at."""
    ends = [pair for pair in told if _known(pair[1], ENDS)]
    others = [pair for pair in told if pair not in ends]
    traced = [pair for pair in others if len(pair[1].lines) > 1]
    for log, block in told:
        if recogniser := _known(block, CAUSES):
            return _diagnosis(log, block, _said(recogniser, block), None, request)
    log, block = (*traced, *ends, *others)[0]
    recogniser = _known(block, ENDS)
    sentence = _said(recogniser, block) if recogniser else block.raised
    return _diagnosis(log, block, sentence, None, request)


def _known(block: Block, recognisers: Sequence[Recogniser]) -> Recogniser | None:
    return next((one for one in recognisers if _line(one, block)), None)


def _first(logs: Sequence[LogFile], known: Sequence[Recogniser]) -> Diagnosis | None:
    """Return what the first of the recognisers that finds anything, finds."""
    for recogniser in known:
        for log in logs:
            if block := next(_matching(recogniser, blocks(log.text)), None):
                said = _said(recogniser, block)
                found = _diagnosis(log, block, said, recogniser.blame)
                return replace(found, excerpt=block.excerpt(_line(recogniser, block)))
    return None


def _matching(recogniser: Recogniser, said: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks that the recogniser knows; a warning counts until it was made good."""
    found: list[Block] = []
    for block in said:
        if recogniser.weight is Weight.WARNS and any(map(RECOVERED.search, block.lines)):
            found.clear()
        elif _line(recogniser, block):
            found.append(block)
    yield from found


def _line(recogniser: Recogniser, block: Block) -> str:
    return next((line for line in reversed(block.lines) if recogniser.pattern.search(line)), "")


def _said(recogniser: Recogniser, block: Block) -> str:
    line = _line(recogniser, block).strip()
    last = raised(block.lines) or (block.raised if block.level else line)
    return recogniser.sentence.format(line=line[:_WIDEST], raised=last[:_WIDEST])


def _diagnosis(
    log: LogFile, block: Block, sentence: str, blame: Blame | None, request: str = ""
) -> Diagnosis:
    about_ = f" ({request})" if request else ""
    return Diagnosis(
        service=log.service,
        node=log.node,
        sentence=f"{log.service} on {log.node}: {sentence[:_LONGEST]}{about_}",
        blame=blame,
        request=request,
        excerpt=block.excerpt(),
    )

"""Patience with BMCs and power strips: a conversation is begun again, a new state is waited for."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from orchestrator.drivers.power.queue import Queues, rest
from orchestrator.model.errors import OutOfTime, PowerError
from orchestrator.model.node import Node, Pdu
from orchestrator.ports.clock import Deadline

Answer = TypeVar("Answer")

_JITTER = random.SystemRandom()


class Passing(PowerError):
    """Trouble that may be over at the next try."""


def place(node: Node) -> str:
    """Return the node's name and where its BMC is, as every sentence about it begins."""
    return f"{node.name}: the BMC at {node.bmc.address}:{node.bmc.port}"


def insist(
    converse: Callable[[], Answer],
    node: Node,
    queues: Queues,
    tries: int,
    deadline: Deadline,
    strip: Pdu | None = None,
) -> Answer:
    """Return what `converse` does, begun again while there is hope and time.

    It is begun in the queue of the node's BMC, or of the power strip that is asked in its place.
    Raises what it raises, a `Passing` only once `tries` or the time are used up.
    """
    busy = f"{node.name}: the power strip at {strip.address}:{strip.port}" if strip else place(node)
    trouble = PowerError(f"{busy} was kept busy by earlier commands", node=node.name)
    for attempt in range(tries):
        try:
            rest(_JITTER.uniform(0.5, 1) * 2**attempt if attempt else 0, deadline)
            with queues.turn(strip or node.bmc, deadline):
                return converse()
        except Passing as error:
            if deadline.left() or not attempt:  # a try cut short says less than a whole one
                trouble = PowerError(str(error), node=node.name)
        except OutOfTime as error:
            raise trouble from error
    raise trouble


def settled(read: Callable[[], str], wanted: str, seconds: float) -> str:
    """Return what `read` gives once it is `wanted`, or last gave after `seconds`."""
    end = time.monotonic() + seconds
    pause = 0.05
    while (found := read()) != wanted and time.monotonic() < end:
        time.sleep(pause)
        pause = min(2 * pause, 1)
    return found

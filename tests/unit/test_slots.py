"""Places are limited, kept in order, and given back whatever happens."""

import threading
import time
from collections.abc import Callable

import pytest

from orchestrator.drivers.slots.fifo import FifoSlots
from orchestrator.model.errors import Cancelled


def nothing() -> None:
    """Guard nothing."""


def together(count: int, work: Callable[[int], None]) -> None:
    """Do the work in that many threads at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_never_more_than_the_places() -> None:
    slots, inside, most = FifoSlots(2), set(), set()

    def work(number: int) -> None:
        with slots.take(nothing):
            inside.add(number)
            most.add(len(inside))
            time.sleep(0.01)
            inside.discard(number)

    together(8, work)
    assert max(most) == 2


def test_a_place_goes_to_who_waited_longest() -> None:
    slots, order = FifoSlots(1), []

    def work(number: int) -> None:
        with slots.take(nothing):
            order.append(number)

    with slots.take(nothing):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            while slots.waiting < waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_a_cancelled_wait_leaves_no_gap() -> None:
    slots = FifoSlots(1)

    def cancelled() -> None:
        raise Cancelled

    with slots.take(nothing), pytest.raises(Cancelled), slots.take(cancelled):
        pytest.fail("the only place was taken")
    with slots.take(nothing):
        pass


def test_a_failure_inside_gives_the_place_back() -> None:
    slots = FifoSlots(1)
    with pytest.raises(ValueError, match="inside"), slots.take(nothing):
        raise ValueError("inside")
    with slots.take(nothing):
        pass

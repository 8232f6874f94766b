"""Places are limited, kept in order, and given back whatever happens."""

import threading
import time

import pytest

from orchestrator.drivers.slots.fifo import FifoSlots
from orchestrator.model.errors import Cancelled


def nothing() -> None:
    """Guard nothing."""


def test_never_more_than_the_places_and_in_the_order_of_asking() -> None:
    slots, order, inside, most = FifoSlots(2), [], [], [0]

    def work(number: int) -> None:
        with slots.take(nothing):
            order.append(number)
            inside.append(number)
            most[0] = max(most[0], len(inside))
            time.sleep(0.01)
            inside.remove(number)

    threads = []
    for number in range(12):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        time.sleep(0.002)
    for thread in threads:
        thread.join(10)
    assert most[0] == 2
    assert order == sorted(order)


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

"""What a furnished house tells to others with: nothing, to nobody."""

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.store.opened import Store
from orchestrator.service.asker import Asker
from orchestrator.service.desk import Desk
from orchestrator.service.library import Library
from orchestrator.service.mailroom import Mailroom
from orchestrator.service.reviewing import Reviewing


def reviewing(store: Store, desk: Desk, library: Library) -> Reviewing:
    """Return what looks after nothing."""
    clock = SystemClock()
    asker = Asker(clock=clock, reviews=store.reviews, desk=desk, systems={}, rules={})
    return Reviewing(clock=clock, reviews=store.reviews, desk=desk, library=library, asker=asker)


def mailroom(store: Store) -> Mailroom:
    """Return what tells nobody anything."""
    return Mailroom(
        clock=SystemClock(), notices=store.notices, subscriptions={}, couriers={}, people={}
    )

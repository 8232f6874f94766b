"""The mailroom: tells people what changed, by the couriers of their subscriptions.

Every step is in the store before it has an effect outside, so that a kill loses nothing; a message
whose delivery was cut off is sent again under the same id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.model.errors import ConfigError, NotFound, Refused, SmoketestError
from orchestrator.model.notice import Change, Message, Subscription
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.notify import Courier
from orchestrator.ports.outbox import Notices

#: what one delivery may take, and after how long a cut off one is taken up by whoever lives
DELIVERY_SECONDS = 30.0
CLAIM_SECONDS = 90.0
#: waits between tries, about three days in all
BACKOFF = (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
#: words of a subscription's `to` that stand for people
LIEUTENANTS = "lieutenants"
REQUESTER = "requester"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Collects, bundles and delivers; `people` are addresses by the names of people."""

    clock: Clock
    notices: Notices
    subscriptions: Mapping[str, Subscription]
    couriers: Mapping[str, Courier]
    people: Mapping[str, str]
    #: of subscriptions that are no lab file's: whom a change is told to
    told: Mapping[str, Callable[[Change], tuple[str, ...]]] = field(default_factory=dict)

    def round(self, name: str) -> int:
        """Do all that is to do for one subscription now; return how many messages were sent."""
        wanted = self.subscriptions[name]
        self.notices.collect(wanted, lambda change: self.address(wanted, change), self.clock.now())
        self.notices.bundle(wanted, self.clock.now())
        sent = 0
        while self._deliver_one(name):
            sent += 1
        return sent

    def address(self, wanted: Subscription, change: Change) -> tuple[str, ...]:
        """Return whom the subscription tells of the change: each address once."""
        if choose := self.told.get(wanted.name):
            return choose(change)
        if not wanted.to:
            return ("",)
        named = {LIEUTENANTS: change.lieutenants, REQUESTER: (change.requester,)}
        names = (name for word in wanted.to for name in named.get(word, (word,)))
        known = (self.people.get(name, name) for name in names)
        return tuple(dict.fromkeys(address for address in known if "@" in address))

    def replay(self, message: str) -> Message:
        """Send a message once more; raise `NotFound`, or `ConfigError` if nobody carries it now."""
        again = self.notices.replay(message, self.clock.now())
        if again.subscription not in self.couriers:
            msg = f"`[notices.{again.subscription}]` is not in the lab file any more"
            raise ConfigError(f"{msg}: nothing will carry {message}")
        return again

    def feed(self, wanted: Subscription, limit: int) -> tuple[Change, ...]:
        """Return the newest changes, the newest first."""
        return self.notices.changes(wanted, limit)

    def messages(self, subscription: str, limit: int, after: str = "") -> tuple[Message, ...]:
        """Return the newest messages first, after one if named.

        Raises `NotFound` for an unknown subscription.
        """
        if subscription and subscription not in self.subscriptions:
            known = ", ".join(self.subscriptions) or "none"
            msg = f"the lab file has no `[notices.{subscription}]` (known: {known})"
            raise NotFound(msg)
        return self.notices.messages(subscription, limit, after)

    def _deliver_one(self, name: str) -> bool:
        """Send the message that is due, if any; return whether there was one."""
        now = self.clock.now()
        message = self.notices.claim(name, now, now + timedelta(seconds=CLAIM_SECONDS))
        if message is None:
            return False
        try:
            self.couriers[name].deliver(message, Deadline(self.clock, DELIVERY_SECONDS))
        except SmoketestError as error:
            again = None if isinstance(error, Refused) else self._again(message)
            self.notices.failed(message.id, str(error), again)
        else:
            self.notices.delivered(message.id, self.clock.now())
        return True

    def _again(self, message: Message) -> datetime | None:
        if message.tries >= len(BACKOFF):
            return None
        return self.clock.now() + timedelta(seconds=BACKOFF[message.tries])

"""What the store knows of people: what they are to be told, and the changes that they review."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.notice import Change, Message, Subscription
from orchestrator.model.review import Proposal, Remark, Watched


class Notices(Protocol):
    """What is to be told to people: the outbox."""

    def collect(
        self, wanted: Subscription, address: Callable[[Change], Sequence[str]], now: datetime
    ) -> int:
        """Put what happened since the last call into the outbox; return how much was put there.

        Each change goes to everybody that `address` returns for it. One transaction with the
        position: nothing is left out or put there twice. The first call only takes the position.
        """
        ...

    def tell(self, subscription: str, recipient: str, attempt: AttemptId, now: datetime) -> None:
        """Put the end of the attempt, if it came, into the outbox, unless it is there."""
        ...

    def bundle(self, wanted: Subscription, now: datetime) -> int:
        """Make messages of what waited for the subscription's digest; return how many."""
        ...

    def claim(self, subscription: str, now: datetime, until: datetime) -> Message | None:
        """Return a message that is due, and keep it from others until then; None if none is."""
        ...

    def delivered(self, message: str, now: datetime) -> None:
        """Remember that the message was taken."""
        ...

    def failed(self, message: str, said: str, again: datetime | None) -> None:
        """Remember a try in vain, and when the next is due (None: never)."""
        ...

    def replay(self, message: str, now: datetime) -> Message:
        """Make the message due again, with its tries forgotten; raise `NotFound`."""
        ...

    def messages(
        self, subscription: str = "", limit: int = 50, after: str = ""
    ) -> tuple[Message, ...]:
        """Return the newest messages first, of one subscription and after one, if named."""
        ...

    def changes(self, wanted: Subscription, limit: int) -> tuple[Change, ...]:
        """Return the newest changes that the subscription wants, the newest first."""
        ...


class Reviews(Protocol):
    """The revisions of proposals that we look after."""

    def find(self, review: str, proposal: Proposal) -> Watched | None:
        """Return what we know of this revision of the proposal, or None."""
        ...

    def begin(self, watched: Watched) -> None:
        """Look after a revision; its remarks so far count as read. A known one is kept."""
        ...

    def read(self, review: str, proposal: Proposal) -> None:
        """Take the proposal's remarks so far as read."""
        ...

    def unread(self, review: str, proposal: Proposal) -> tuple[Remark, ...]:
        """Return the proposal's remarks that were not read, in their order."""
        ...

    def update(self, watched: Watched, read: Sequence[Remark] = ()) -> None:
        """Store how far we are, and that remarks are read, in one transaction."""
        ...

    def of(self, review: str, proposal: Proposal) -> tuple[Watched, ...]:
        """Return every revision of the proposal that we know."""
        ...

    def running(self, review: str) -> tuple[Watched, ...]:
        """Return the revisions whose authors wait for us."""
        ...

    def delivered(self, hook: str, delivery: str, now: datetime) -> bool:
        """Remember a delivery to one of our hooks; return False if it came before."""
        ...

"""The outbox: what is to be told to people, and how far that came."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import (
    CHANGE,
    RULING,
    SNAPSHOT,
    arch_from,
    encode,
    stamp,
)
from orchestrator.drivers.store.database import Database, Transaction, Value
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Kind, Stage
from orchestrator.model.ids import AttemptId, run_of
from orchestrator.model.notice import Change, Message, MessageState, Moment, Subscription
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Verdict

#: events read in one transaction
_PAGE = 200
#: how many judged attempts a feed looks through for each entry that it wants
_REACH = 20
#: runs that may have been judged before an older one was
_NEAR = 30
_MOMENTS = {(Kind.STARTED, Stage.LEASE): Moment.QUEUED}


@dataclass(frozen=True, slots=True)
class Notices:
    """`ports.outbox.Notices` over a database."""

    database: Database

    def collect(
        self, wanted: Subscription, address: Callable[[Change], Sequence[str]], now: datetime
    ) -> int:
        """Put what happened since the last call into the outbox; return how much was put there."""
        put = 0
        while self._behind(wanted.name):
            put += self._page(wanted, address, now)
        return put

    def tell(self, subscription: str, recipient: str, attempt: AttemptId, now: datetime) -> None:
        """Put the end of the attempt, if it came, into the outbox, unless it is there."""
        with self.database.write() as tx:
            end = tx.one("event_judged", attempt=attempt)
            rows = tx.all("changes_since", seq=end.seq - 1, limit=1) if end else ()
            for change in (_change(tx, row) for row in rows):
                if change.decides:
                    _write(tx, subscription, recipient, change, now)

    def bundle(self, wanted: Subscription, now: datetime) -> int:
        """Make messages of what waited for the digest; return how many."""
        with self.database.read() as tx:
            if not tx.all("letters_open", subscription=wanted.name):
                return 0
        with self.database.write() as tx:
            piles = _piles(tx.all("letters_open", subscription=wanted.name), wanted, now)
            for recipient, letters in piles:
                _enclose(tx, wanted.name, recipient, letters, now)
        return len(piles)

    def claim(self, subscription: str, now: datetime, until: datetime) -> Message | None:
        """Return a message that is due, kept from others until then, or None."""
        values = {"subscription": subscription, "now": stamp(now)}
        with self.database.read() as tx:
            if tx.one("message_due", **values) is None:
                return None
        with self.database.write() as tx:
            row = tx.one("message_due", **values)
            if row is None:
                return None
            tx.run("message_postpone", message=row.id, due=stamp(until))
            return _message(tx, row)

    def delivered(self, message: str, now: datetime) -> None:
        """Remember that the message was taken."""
        with self.database.write() as tx:
            tx.run("message_deliver", message=message, now=stamp(now))

    def failed(self, message: str, said: str, again: datetime | None) -> None:
        """Remember a try in vain, and when the next is due (None: never)."""
        with self.database.write() as tx:
            row = _found(tx, message)
            state = MessageState.WAITING if again else MessageState.GIVEN_UP
            due = stamp(again) if again else row.due_at
            tx.run("message_fail", message=message, said=said, due=due, state=state)

    def replay(self, message: str, now: datetime) -> Message:
        """Make the message due again; raise `NotFound`."""
        with self.database.write() as tx:
            _found(tx, message)
            tx.run("message_replay", message=message, now=stamp(now))
            return _message(tx, _found(tx, message))

    def messages(
        self, subscription: str = "", limit: int = 50, after: str = ""
    ) -> tuple[Message, ...]:
        """Return the newest messages first, of one subscription and after one, if named."""
        values: dict[str, Value] = {"subscription": subscription, "limit": limit, "after": after}
        with self.database.read() as tx:
            rows = tx.all("messages_newest", **values)
            return tuple(_message(tx, row) for row in rows)

    def changes(self, wanted: Subscription, limit: int) -> tuple[Change, ...]:
        """Return the newest changes that the subscription wants, the newest first."""
        with self.database.read() as tx:
            rows = tx.all("changes_newest", limit=limit * _REACH)
            found = (_change(tx, row) for row in rows)
            return tuple(islice((change for change in found if wanted.wants(change)), limit))

    def _behind(self, subscription: str) -> bool:
        """Return whether the subscription has not read all of history."""
        with self.database.read() as tx:
            row = tx.one("notice_position", subscription=subscription)
            if row is not None:
                return bool(tx.all("changes_since", seq=row.position, limit=1))
        with self.database.write() as tx:
            end = tx.single("event_newest").seq
            tx.run("notice_move", subscription=subscription, position=end)
        return False

    def _page(
        self, wanted: Subscription, address: Callable[[Change], Sequence[str]], now: datetime
    ) -> int:
        with self.database.write() as tx:
            at = tx.single("notice_position", subscription=wanted.name).position
            rows = tx.all("changes_since", seq=at, limit=_PAGE)
            put = 0
            for change in (_change(tx, row) for row in rows):
                people = address(change) if wanted.wants(change) else ()
                put += sum(_write(tx, wanted.name, who, change, now) for who in people)
            if rows:
                tx.run("notice_move", subscription=wanted.name, position=rows[-1].seq)
        return put


def _write(tx: Transaction, name: str, recipient: str, change: Change, now: datetime) -> int:
    """Store the letter; return 0 if it is there already."""
    return tx.run(
        "letter_insert",
        subscription=name,
        recipient=recipient,
        attempt=change.attempt,
        moment=change.moment,
        at=stamp(now),
        value=encode(change),
    )


def _piles(
    rows: Iterable[Row[Any]], wanted: Subscription, now: datetime
) -> list[tuple[str, list[int]]]:
    """Return the letters of each message to make: a recipient's, once the oldest waited enough."""
    piles: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        piles[row.recipient].append(row)
    ripe = stamp(now - timedelta(seconds=wanted.digest))
    due = [(who, [row.id for row in pile]) for who, pile in piles.items() if pile[0].at <= ripe]
    if wanted.moments:
        return [(who, [letter]) for who, letters in due for letter in letters]
    return due


def _enclose(
    tx: Transaction, name: str, recipient: str, letters: Sequence[int], now: datetime
) -> None:
    digest = sha256(f"{name}\0{recipient}\0{letters}".encode()).hexdigest()
    message = f"msg_{digest[:26]}"
    tx.run("message_insert", message=message, subscription=name, recipient=recipient, at=stamp(now))
    tx.many("letter_enclose", ({"message": message, "letter": letter} for letter in letters))


def _found(tx: Transaction, message: str) -> Row[Any]:
    if row := tx.one("message_by_id", message=message):
        return row
    msg = f"there is no message {message}; `smoketest notices` lists the newest"
    raise NotFound(msg)


def _message(tx: Transaction, row: Row[Any]) -> Message:
    letters = tx.all("letters_of_message", message=row.id)
    return Message(
        id=row.id,
        subscription=row.subscription,
        recipient=row.recipient,
        changes=tuple(CHANGE.validate_json(letter.value) for letter in letters),
        made_at=datetime.fromisoformat(row.made_at),
        due_at=datetime.fromisoformat(row.due_at),
        tries=row.tries,
        state=MessageState(row.state),
        said=row.said,
    )


def _change(tx: Transaction, row: Row[Any]) -> Change:
    arch = arch_from(row.arch)
    commit = SNAPSHOT.validate_json(row.snapshot).commit
    judged = row.kind == Kind.JUDGED
    where = {"arch": arch.name, "repo": row.repo, "ref": row.ref, "seq": row.seq}
    beyond = run_of(AttemptId(row.attempt)) + _NEAR
    before = tx.one("change_before", beyond=beyond, **where) if judged else None
    usual = Moment.FINISHED if judged else Moment.STARTED
    return Change(
        attempt=AttemptId(row.attempt),
        moment=_MOMENTS.get((row.kind, row.stage), usual),
        repo=row.repo,
        ref=row.ref,
        commit=commit.name,
        sha=commit.sha,
        subject=commit.subject,
        requester=row.requester,
        lane=Lane(row.lane),
        arch=arch.name,
        voting=arch.voting,
        lieutenants=arch.lieutenants,
        at=datetime.fromisoformat(row.at),
        ruling=RULING.validate_json(row.ruling) if judged else None,
        before=Verdict(before.verdict) if before else None,
        retried=bool(row.retried),
        silence=judged and bool(row.retried) and _fell_silent(tx, row.attempt, where),
        patched=bool(commit.patched),
    )


def _fell_silent(tx: Transaction, attempt: str, where: Mapping[str, Value]) -> bool:
    """Return whether the attempt's partner is silent now, and was not the last time."""
    signs = [(row.attempt, row.kind) for row in tx.all("partner_signs", attempt=attempt, **where)]
    again = [kind for _, kind in signs[1:]] == [Kind.SILENT]
    return signs[:1] == [(attempt, Kind.SILENT)] and not again

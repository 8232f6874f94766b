"""Group commit: what many threads ask for at the same time goes into one transaction.

There is one writer at a time, so the cost of a transaction (the lock, the round trips, the disk)
bounds what all may do together. Whoever comes while another transaction is under way waits anyway;
the next one takes all of them along.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.errors import Bug, StoreAway

Item = TypeVar("Item")
Result = TypeVar("Result")

#: what makes several changes of one kind, in the order in which they were asked for
Change = Callable[[Transaction, Sequence[Item]], Sequence[Result]]
#: what one transaction takes along at most, so that readers and other writers get their turn
MOST: Final = 256
#: seconds after which who was not woken looks by itself: who was to wake it may be gone
_UNHEARD: Final = 1.0


class Together:
    """Makes changes of any kind for all threads of this process."""

    def __init__(self, database: Database) -> None:
        """Make changes to `database`."""
        self._database = database
        self._asked: list[_Asked[Any, Any]] = []
        self._asking = threading.Lock()
        self._turn = threading.Lock()

    def do(self, change: Change[Item, Result], item: Item) -> Result:
        """Return the result for `item` once it is kept; raise what its change raises.

        `change` is given those of its kind together. It may be called again with some of the same
        items after it, or another kind of change in the same transaction, raised.
        """
        asked = _Asked(change, item)
        with self._asking:
            self._asked.append(asked)
        while not asked.over:
            if self._turn.acquire(blocking=False):
                self._serve_in_turn()
            else:
                # not for the turn itself: those who only want their results would stand in its way
                asked.wait()
        return asked.result()

    def _serve_in_turn(self) -> None:
        try:
            self._serve()
        finally:
            self._turn.release()
            with self._asking:
                following = self._asked[:1]
            for asked in following:
                asked.wake()

    def _serve(self) -> None:
        """Make the changes that were asked for so far in one transaction, or else singly."""
        batch: list[_Asked[Any, Any]] = []
        try:
            with self._database.write() as tx:
                # not before: while we waited for our turn, more came
                batch = self._take()
                results = _changed(tx, batch)
        except Exception as error:  # noqa: BLE001 - raised in the threads that asked
            self._apart(batch or self._take(), error)
        except BaseException:
            # this thread is being ended: the others must not wait for it for ever
            for asked in batch:
                asked.fail(Bug("a change to the store was cut off"))
            raise
        else:
            for asked, result in results:
                asked.keep(result)

    def _take(self) -> "list[_Asked[Any, Any]]":
        with self._asking:
            batch, self._asked = self._asked[:MOST], self._asked[MOST:]
        return batch

    def _apart(self, batch: "Sequence[_Asked[Any, Any]]", error: Exception) -> None:
        """Make each change by itself: one of them is wrong, and must not take the others along.

        When the store is away, none can be made.
        """
        for asked in batch:
            if len(batch) == 1 or isinstance(error, StoreAway):
                asked.fail(error)
                continue
            try:
                with self._database.write() as tx:
                    ((_, result),) = _changed(tx, [asked])
            except Exception as its_own:  # noqa: BLE001 - raised in the thread that asked
                asked.fail(its_own)
            else:
                asked.keep(result)


def _changed(
    tx: Transaction, batch: "Sequence[_Asked[Any, Any]]"
) -> "list[tuple[_Asked[Any, Any], Any]]":
    """Make one kind of change after the other; return each with its result."""
    kinds: dict[Change[Any, Any], list[_Asked[Any, Any]]] = {}
    for asked in batch:
        kinds.setdefault(asked.change, []).append(asked)
    results: list[tuple[_Asked[Any, Any], Any]] = []
    for change, alike in kinds.items():
        found = change(tx, [asked.item for asked in alike])
        results += zip(alike, found, strict=True)
    return results


class _Asked(Generic[Item, Result]):
    """A change, and what became of it."""

    def __init__(self, change: Change[Item, Result], item: Item) -> None:
        self.change = change
        self.item = item
        self.over = False
        self._woken = threading.Event()
        self._results: list[Result] = []
        self._error: Exception | None = None

    def wait(self) -> None:
        """Return when there is something to look at: an end, or a turn that may be free."""
        self._woken.wait(_UNHEARD)
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def keep(self, result: Result) -> None:
        self._results.append(result)
        self.over = True
        self.wake()

    def fail(self, error: Exception) -> None:
        self._error = error
        self.over = True
        self.wake()

    def result(self) -> Result:
        if self._error:
            raise self._error
        if not self._results:
            msg = "a change to the store ended without a result"
            raise Bug(msg)
        return self._results[0]

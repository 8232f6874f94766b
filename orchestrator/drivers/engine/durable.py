"""DBOS Transact behind the engine port.

An attempt is a workflow whose id is the attempt's, on a queue that the workers of a store share.
Which stages are over is kept in our history alone: a checkpoint of the library's for each would be
a second store for one fact, at the price of a transaction. After a crash the library gives the
workflow to a worker again, and the walk goes on from the history.

Machines are leased before a workflow starts: workflows that wait for leases inside a bounded queue
deadlock after a crash, since recovered holders queue behind waiters.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from orchestrator.drivers.engine.watch import Watch
from orchestrator.model.errors import LeaseLost, StoreAway
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import TERM
from orchestrator.model.worker import Worker
from orchestrator.ports.engine import Engine
from orchestrator.ports.workers import Workers

log = logging.getLogger(__name__)

#: raise only when a walk begun by older code could not be gone on with; all workers have the same
FLOW_VERSION = "1"
QUEUE = "attempts"
#: of one worker; held machines and partners' answers are waited for inside, hence so many
MOST_ATTEMPTS_AT_ONCE = 512
POLL_SECONDS = 0.2
#: between looks for free machines, and between looks at why who waits
TICK_SECONDS = 0.25
TELL_SECONDS = 1.0
#: a walk that raises is repeated until it does not: giving up would leak its machines
REPEATS = 1_000_000
REPEAT_SECONDS = 2.0

Walk = Callable[[AttemptId, Callable[[], None]], None]


class Tick(Protocol):
    """Looks at the queue; `woken` says that something changed just now."""

    def __call__(self, engine: Engine, *, woken: bool) -> None:
        """Give machines to whoever is next."""
        ...


class DbosEngine:
    """Walks attempts by DBOS over the store's own database; one per process."""

    def __init__(self, url: str, worker: Worker, walk: Walk, tick: Tick, workers: Workers) -> None:
        """Work on the database `url` as `worker`, beside the others that `workers` tells of."""
        self._url = url
        self._worker = worker
        self._walk = walk
        self._tick = tick
        #: by the thread that does it
        self._walks: dict[int, AttemptId] = {}
        self._watch = Watch(worker, workers, self, self._walks.values())
        self._due = threading.Event()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_ticking, name="ticker", daemon=True),
            threading.Thread(target=self._keep(self._watch.beat), name="heart", daemon=True),
            threading.Thread(target=self._keep(self._watch.look), name="watch", daemon=True),
        ]
        self._workflow: Callable[[str], None] | None = None

    def launch(self) -> None:
        """Start working, beginning with what an earlier process left unfinished."""
        DBOS(config=self._config())
        self._workflow = self._registered()
        self._watch.beat()
        DBOS.launch()
        DBOS.register_queue(QUEUE, polling_interval_sec=POLL_SECONDS)
        # what was granted when we were killed; who starts alone need not wait for it
        self._watch.sweep(TERM)
        for thread in self._threads:
            thread.start()

    def start(self, attempt: AttemptId) -> None:
        """Let some worker walk `attempt` through the flow; a repeat does nothing."""
        if self._workflow is not None:
            with SetWorkflowID(attempt):
                DBOS.enqueue_workflow(QUEUE, self._workflow, attempt)

    def take_over(self, dead: Sequence[str]) -> None:
        """Let the living workers walk what the dead ones did."""
        # A worker that was late with its heartbeat is no dead one while it runs this.
        living = {worker.name for worker in self._watch.living()} | {self._worker.name}
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        held = {str(flow.executor_id) for flow in pending}
        if lost := sorted((held | set(dead)) - living):
            log.warning("workers %s are gone: what they did is taken over", ", ".join(lost))
            DBOS._recover_pending_workflows(lost)

    def revive(self, attempts: Sequence[AttemptId]) -> None:
        """Begin walks that were never begun, or that ended too early; those that wait are let be.

        One query for all of them: on a busy host many wait for long, and every worker asks.
        """
        if not attempts:
            return
        found = DBOS.list_workflows(
            workflow_ids=list(attempts), load_input=False, load_output=False
        )
        known = {flow.workflow_id: flow.status for flow in found}
        for attempt in attempts:
            if attempt not in known:
                self.start(attempt)
            elif known[attempt] not in {"PENDING", "ENQUEUED"}:
                DBOS.rewind_workflow(attempt, queue_name=QUEUE)

    def redo(self, attempts: Sequence[AttemptId]) -> None:
        """Begin those walks anew that the library takes for under way in this process.

        It lost them: its thread died over an error of its own. A walk that it did not lose after
        all is refused by its number.
        """
        if not attempts:
            return
        found = DBOS.list_workflows(
            workflow_ids=list(attempts), status="PENDING", load_input=False, load_output=False
        )
        for flow in found:
            if (
                flow.executor_id == self._worker.name
                and flow.workflow_id not in self._walks.values()
            ):
                log.warning("%s was lost on the way: it is begun anew", flow.workflow_id)
                DBOS.resume_workflow(flow.workflow_id, queue_name=QUEUE)

    def wake(self) -> None:
        """Look at the queue now rather than at the next tick."""
        self._due.set()

    def close(self) -> None:
        """Stop taking up work; what runs is taken up again by the next `launch`, or by others."""
        self._closing.set()
        self._due.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)
        DBOS.destroy(workflow_completion_timeout_sec=0)
        self._watch.leave()

    def _config(self) -> DBOSConfig:
        return {
            "name": "smoketest",
            "system_database_url": self._url,
            "application_version": FLOW_VERSION,
            "executor_id": self._worker.name,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "max_executor_threads": MOST_ATTEMPTS_AT_ONCE,
            "notification_listener_polling_interval_sec": 1.0,
            "scheduler_polling_interval_sec": 30.0,
        }

    def _registered(self) -> Callable[[str], None]:
        """Return the workflow of one attempt, known to the library by its name."""

        @DBOS.workflow(name="attempt", max_recovery_attempts=REPEATS)
        def attempt(name: str) -> None:
            self._walks[threading.get_ident()] = AttemptId(name)
            try:
                self._walk_whole(AttemptId(name))
            finally:
                del self._walks[threading.get_ident()]
            self.wake()

        return attempt

    def _walk_whole(self, attempt: AttemptId) -> None:
        """Return once the attempt is over, or another worker's."""
        while True:
            self._pause()
            try:
                self._walk(attempt, self._pause)
            except LeaseLost:
                log.warning("%s was taken over: this worker leaves it alone", attempt)
                return
            except Exception:
                log.exception("%s stumbled; it goes on from where it was", attempt)
                self._closing.wait(REPEAT_SECONDS)
            else:
                return

    def _pause(self) -> None:
        """Return, unless this process is ending: then whatever follows is left to the next one."""
        if self._closing.is_set():
            threading.Event().wait()

    def _keep_ticking(self) -> None:
        told = 0.0
        while not self._closing.is_set():
            self._due.wait(TICK_SECONDS)
            self._due.clear()
            woken = time.monotonic() - told < TELL_SECONDS
            told = told if woken else time.monotonic()
            try:
                self._tick(self, woken=woken)
            except StoreAway as error:
                log.warning("the queue could not be looked at, it is tried again: %s", error)
            except Exception:
                log.exception("the queue could not be looked at; it is tried again")

    def _keep(self, once: Callable[[], None]) -> Callable[[], None]:
        """Return what does it once a second until this process ends."""

        def keep() -> None:
            while not self._closing.wait(Watch.BEAT_SECONDS):
                try:
                    once()
                except StoreAway as error:
                    log.warning("the workers could not be watched, it is tried again: %s", error)
                except Exception:
                    log.exception("the other workers could not be watched; it is tried again")

        return keep

"""DBOS Transact behind the engine port.

An attempt is a workflow whose id is the attempt's; each stage is a step. After a crash the library
takes up what was under way at its first step without a result, which may thus run twice: `flow`
makes that harmless. Machines are leased before a workflow starts: workflows that wait for leases
inside a bounded queue deadlock after a crash, since recovered holders queue behind waiters.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from orchestrator.model.event import Stage
from orchestrator.model.ids import AttemptId
from orchestrator.ports.engine import Engine

log = logging.getLogger(__name__)

#: raise only when the walk changes so that a half-walked attempt could not go on under it
FLOW_VERSION = "1"
MOST_ATTEMPTS_AT_ONCE = 512
TICK_SECONDS = 1.0
#: a stage that raises is repeated until it does not: giving up would leak its machines
REPEATS = 1_000_000
REPEAT_SECONDS = 2.0


class DbosEngine:
    """Walks attempts by DBOS over the store's own database; one per process."""

    def __init__(
        self,
        url: str,
        executor: str,
        stages: Sequence[Stage],
        advance: Callable[[AttemptId, Stage], None],
        tick: Callable[[Engine], None],
    ) -> None:
        """Work on the database `url` as `executor`, which stays the same over restarts."""
        self._url = url
        self._executor = executor
        self._stages = tuple(stages)
        self._advance = advance
        self._tick = tick
        self._started: set[AttemptId] = set()
        self._due = threading.Event()
        self._closing = threading.Event()
        self._ticker = threading.Thread(target=self._keep_ticking, name="ticker", daemon=True)
        self._workflow: Callable[[str], None] | None = None

    def launch(self) -> None:
        """Start working, beginning with what an earlier process left unfinished."""
        DBOS(config=self._config())
        self._workflow = self._registered()
        DBOS.launch()
        self._ticker.start()

    def start(self, attempt: AttemptId) -> None:
        """Walk `attempt` through the flow; a repeat for the same attempt does nothing."""
        if attempt in self._started or self._workflow is None:
            return
        with SetWorkflowID(attempt):
            DBOS.start_workflow(self._workflow, attempt)
        self._started.add(attempt)

    def wake(self) -> None:
        """Look at the queue now rather than at the next tick."""
        self._due.set()

    def close(self) -> None:
        """Stop taking up work; what runs is taken up again by the next `launch`."""
        self._closing.set()
        self._due.set()
        self._ticker.join(timeout=10)
        DBOS.destroy(workflow_completion_timeout_sec=0)

    def _config(self) -> DBOSConfig:
        return {
            "name": "smoketest",
            "system_database_url": self._url,
            "application_version": FLOW_VERSION,
            "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "max_executor_threads": MOST_ATTEMPTS_AT_ONCE,
            "notification_listener_polling_interval_sec": 1.0,
            "scheduler_polling_interval_sec": 30.0,
        }

    def _registered(self) -> Callable[[str], None]:
        """Return the workflow of one attempt, known to the library by its name."""

        @DBOS.step(
            name="stage",
            retries_allowed=True,
            max_attempts=REPEATS,
            interval_seconds=REPEAT_SECONDS,
            backoff_rate=1.0,
        )
        def step(name: str, stage: str) -> None:
            self._stage(name, stage)

        @DBOS.workflow(name="attempt", max_recovery_attempts=REPEATS)
        def attempt(name: str) -> None:
            for stage in self._stages:
                step(name, stage.value)
            self.wake()

        return attempt

    def _stage(self, attempt: str, stage: str) -> None:
        if self._closing.is_set():
            # The process is ending: leave the stage to the next one, with nothing begun.
            threading.Event().wait()
        self._advance(AttemptId(attempt), Stage(stage))

    def _keep_ticking(self) -> None:
        while not self._closing.is_set():
            self._due.wait(TICK_SECONDS)
            self._due.clear()
            try:
                self._tick(self)
            except Exception:
                log.exception("the queue could not be looked at; it is tried again")

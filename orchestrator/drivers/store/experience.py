"""How long stages and cells took, learned from events as they come."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.codec import EVENT, arch_from
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.budgets import label
from orchestrator.model.event import Kind, Stage
from orchestrator.model.experience import Experience, Subject

#: so many of each are remembered, the newest
_KEPT: Final = 200
#: so far back a new process looks
_BACK: Final = 200_000
#: events that are read in one go
_PAGE: Final = 20_000
#: seconds for which an answer is fresh
_FRESH: Final = 3.0


@dataclass(slots=True)
class _Walk:
    """An attempt that is under way."""

    since: dict[Stage, datetime] = field(default_factory=dict)
    #: a stage was done twice, or a person kept the machines: its length is not what it usually is
    odd: bool = False


class Experiences:
    """What a database says of lengths; one per process, which remembers what it read."""

    def __init__(self, database: Database) -> None:
        """Begin with what happened lately; it is read when first asked for."""
        self._database = database
        self._lock = threading.Lock()
        self._seq = -1
        self._looked = 0.0
        self._walks: dict[str, _Walk] = {}
        self._cells: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._stages: dict[Subject, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._known = Experience()

    def experience(self) -> Experience:
        """Return what was learned from what happened up to a few seconds ago."""
        with self._lock:
            if self._seq < 0 or time.monotonic() - self._looked > _FRESH:
                if self._learn():
                    self._known = Experience(
                        cells={name: tuple(took) for name, took in self._cells.items()},
                        stages={subject: tuple(took) for subject, took in self._stages.items()},
                    )
                self._looked = time.monotonic()
            return self._known

    def _learn(self) -> bool:
        """Read what is new; return whether there was any."""
        before = self._seq
        with self._database.read() as tx:
            head = int(tx.single("experience_head").seq)
            self._seq = max(self._seq, head - _BACK, 0)
            while self._seq < head:
                last = min(self._seq + _PAGE, head)
                for row in tx.all("experience_since", seq=self._seq, last=last):
                    self._see(tx, row)
                self._seq = last
        return self._seq != before

    def _see(self, tx: Transaction, row: Row[Any]) -> None:
        kind, stage = Kind(row.kind), Stage(row.stage)
        walk = self._walks.setdefault(row.attempt, _Walk())
        at = datetime.fromisoformat(row.at)
        if kind is Kind.STARTED:
            walk.since[stage] = at
        elif kind is Kind.READY:
            self._installed(tx, row, walk, at)
        elif kind is Kind.FINISHED:
            self._finished(row, walk, stage, at)
        else:
            walk.odd = True
            walk.since.pop(stage, None)
        if stage is Stage.RELEASE and kind is Kind.FINISHED:
            del self._walks[row.attempt]

    def _finished(self, row: Row[Any], walk: _Walk, stage: Stage, at: datetime) -> None:
        name = label(arch_from(row.arch).name, row.way)
        if stage is Stage.LEASE:
            walk.since[stage] = at
            return
        granted = walk.since.get(Stage.LEASE)
        if stage is Stage.RELEASE:
            if granted and not walk.odd:
                self._cells[name].append((at - granted).total_seconds())
        elif stage in walk.since:
            took = (at - walk.since[stage]).total_seconds()
            self._stages[Subject(stage=stage, name=name)].append(took)

    def _installed(self, tx: Transaction, row: Row[Any], walk: _Walk, at: datetime) -> None:
        """Learn how long a node took to be installed with the image of its role."""
        node = EVENT.validate_json(row.value).node
        images = {role.name: role.install for role in arch_from(row.arch).by(row.way).roles}
        role = _role(tx.all("experience_roles", attempt=row.attempt), node)
        if Stage.PROVISION in walk.since and role in images:
            subject = Subject(stage=Stage.PROVISION, name=f"{node} with {images[role]}")
            self._stages[subject].append((at - walk.since[Stage.PROVISION]).total_seconds())


def _role(rows: Sequence[Row[Any]], node: str) -> str:
    return next((row.role for row in rows if row.node == node), "")

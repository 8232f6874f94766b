"""Lieutenants: what changed since they looked, how their archs do, and what they say of reds."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from orchestrator.model import health, summary
from orchestrator.model.arch import Arch
from orchestrator.model.errors import ConfigError, NotFound
from orchestrator.model.health import Judged, Novelty, Record, Turn
from orchestrator.model.ids import CellId
from orchestrator.model.lieutenant import ArchHealth, Lieutenant, LieutenantView, News, Red
from orchestrator.model.node import NodeState
from orchestrator.model.partner import Standing
from orchestrator.model.waiver import Sort, Waiver, speaking, symptom
from orchestrator.ports.clock import Clock
from orchestrator.ports.orders import Orders
from orchestrator.ports.pasts import Pasts
from orchestrator.ports.store import Events, Nodes, Runs
from orchestrator.ports.waivers import Waivers
from orchestrator.service.lab import Lab

#: runs that are looked back on, results that are shown of each arch, and days
RUNS, SHOWN, DAYS = 300, 30, 14
#: since when things changed for somebody who never said that they looked
FIRST_LOOK: Final = timedelta(days=7)
LONGEST_WAIVER: Final = timedelta(days=90)
_SILENT = frozenset({Standing.SILENT, Standing.LATE})

#: what is said, by arch, repository and branch
Said = Mapping[tuple[str, str, str], Sequence[Waiver]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plea:
    """What somebody wants to say of a red cell."""

    cell: CellId
    sort: Sort
    reason: str
    by: str
    #: None: without an end, which only an acknowledgement may be
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lieutenancy:
    """Reads the history for those who answer for archs, and keeps what they say."""

    lab: Lab
    clock: Clock
    runs: Runs
    events: Events
    nodes: Nodes
    orders: Orders
    pasts: Pasts
    waivers: Waivers

    def all(self) -> tuple[Lieutenant, ...]:
        """Return who answers for which archs, by name."""
        found: dict[str, tuple[str, ...]] = {}
        for arch in self.lab.archs.values():
            for name in arch.lieutenants:
                found[name] = (*found.get(name, ()), arch.name)
        return tuple(Lieutenant(name=name, archs=found[name]) for name in sorted(found))

    def view(self, name: str, since: datetime | None = None) -> LieutenantView:
        """Return what changed for the lieutenant after `since` (default: their last look).

        Raises `NotFound` for a name that no arch has.
        """
        archs = self._archs(name)
        now, looked = self.clock.now(), self.waivers.looked(name)
        began = since or looked or now - FIRST_LOOK
        past = self.pasts.results([arch.name for arch in archs], RUNS)
        said = self._all_said(list(past))
        found = [*self._turned(past, said, began), *self._lost(archs, began)]
        found += self._silent(archs, began)
        return LieutenantView(
            name=name,
            since=began,
            looked_at=looked,
            news=tuple(sorted(found, key=lambda news: news.at, reverse=True)),
            archs=tuple(self._health(arch, past[arch.name], said) for arch in archs),
        )

    def remember(self, archs: Sequence[str]) -> None:
        """Read what the archs have behind them: from then on only what is new is read."""
        self.pasts.results(archs, RUNS)

    def look(self, name: str, at: datetime) -> None:
        """Remember that the lieutenant has seen all that changed until then."""
        self._archs(name)
        self.waivers.look(name, min(at, self.clock.now()))

    def say(self, plea: Plea) -> Waiver:
        """Keep what is said of a red cell; raise `ConfigError` for what makes no sense."""
        self._check(plea)
        cell = self.runs.cell(plea.cell)
        if cell.ruling is None or not cell.attempts or cell.ruling.verdict not in health.TELLING:
            raise ConfigError(f"{plea.cell} has no verdict that could be spoken of")
        if cell.ruling.blame is None:
            raise ConfigError(f"{plea.cell} is green: there is nothing to {plea.sort}")
        run = self.runs.run(cell.run)
        tests = summary.tests(self.events.of(cell.attempts[-1]))
        return self.waivers.add(
            Waiver(
                id=0,
                sort=plea.sort,
                cell=plea.cell,
                arch=cell.arch.name,
                repo=run.repo,
                ref=run.ref,
                symptom=symptom(cell.ruling, tests),
                reason=plea.reason.strip(),
                by=plea.by,
                at=self.clock.now(),
                until=plea.until,
            )
        )

    def withdraw(self, cell: CellId, waiver: int) -> Waiver:
        """Take back what is said of the cell; raise `NotFound` for what is said of another."""
        if waiver not in {one.id for one in self.of_cell(cell)}:
            raise NotFound(f"nothing of number {waiver} is said of {cell} now")
        return self.waivers.withdraw(waiver, self.clock.now())

    def of_cell(self, cell: CellId) -> tuple[Waiver, ...]:
        """Return what is said of the cell now, also what was said of an earlier one like it."""
        found = self.runs.cell(cell)
        if found.ruling is None or found.ruling.blame is None or not found.attempts:
            return ()
        run = self.runs.run(found.run)
        said = self.waivers.of_branch(found.arch.name, run.repo, run.ref)
        if not said:
            return ()
        tests = summary.tests(self.events.of(found.attempts[-1]))
        return speaking(said, cell, symptom(found.ruling, tests), self.clock.now())

    def _check(self, plea: Plea) -> None:
        now = self.clock.now()
        if not plea.reason.strip():
            raise ConfigError(f"to {plea.sort} a red needs a reason: others will read it")
        if plea.sort is Sort.WAIVE and plea.until is None:
            raise ConfigError("a waiver needs an end: say until when, e.g. --until 7d")
        if plea.until and not now < plea.until <= now + LONGEST_WAIVER:
            raise ConfigError(f"it ends in the future, at most {LONGEST_WAIVER.days} days from now")

    def _archs(self, name: str) -> tuple[Arch, ...]:
        archs = tuple(a for a in self.lab.archs.values() if name in a.lieutenants)
        if not archs:
            known = (
                ", ".join(one.name for one in self.all())
                or "nobody: name `lieutenants` in the arch files"
            )
            raise NotFound(f"{name!r} answers for no arch of this lab; who does: {known}")
        return archs

    def _health(self, arch: Arch, record: Record, said: Said) -> ArchHealth:
        now = self.clock.now()
        return ArchHealth(
            arch=arch.name,
            summary=arch.summary,
            voting=arch.voting,
            quality=health.grade(arch.name, record, now, voting=arch.voting),
            results=record.decided[:SHOWN],
            days=health.days(record, now, DAYS),
            green_rate=record.green_rate,
            flake_rate=record.flake_rate,
            time_to_green=record.time_to_green,
            reds=tuple(
                Red(first=first, newest=newest, waivers=self._said(newest, said))
                for first, newest in record.reds
            ),
        )

    def _all_said(self, archs: Sequence[str]) -> Said:
        """Return what is said of the archs' branches, by arch, repository and branch."""
        found: defaultdict[tuple[str, str, str], list[Waiver]] = defaultdict(list)
        for waiver in self.waivers.of_archs(archs):
            found[waiver.arch, waiver.repo, waiver.ref].append(waiver)
        return found

    def _said(self, result: Judged, said: Said) -> tuple[Waiver, ...]:
        waivers = said.get((result.arch, result.repo, result.ref))
        if not waivers:
            return ()
        past = self.events.of(result.attempt)
        ruling = next((e.ruling for e in reversed(past) if e.ruling), None)
        wrong = symptom(ruling, summary.tests(past))
        return speaking(waivers, result.cell, wrong, self.clock.now())

    def _turned(self, past: Mapping[str, Record], said: Said, since: datetime) -> Iterator[News]:
        for arch, record in past.items():
            for turn in health.turns(record, since):
                result = turn.result
                red = turn.novelty is Novelty.RED
                yield News(
                    novelty=turn.novelty,
                    about=arch,
                    text=_told(turn),
                    at=result.at,
                    page=f"/cells/{result.cell}",
                    ref=result.ref,
                    waivers=self._said(result, said) if red else (),
                )

    def _lost(self, archs: Sequence[Arch], since: datetime) -> Iterator[News]:
        wanted = [role.needs for arch in archs for role in arch.roles]
        for status in self.nodes.all():
            node = self.lab.nodes.get(status.name)
            out = status.state is not NodeState.IN_SERVICE
            if node is None or not out or status.since is None or status.since <= since:
                continue
            if any(needs <= node.capabilities for needs in wanted):
                text = f"{status.state}: {status.reason}"
                page = f"/nodes/{status.name}"
                yield News(
                    novelty=Novelty.LOST, about=status.name, text=text, at=status.since, page=page
                )

    def _silent(self, archs: Sequence[Arch], since: datetime) -> Iterator[News]:
        mine = {arch.name for arch in archs}
        partners = {way.partner for arch in archs for way in arch.ways if way.partner}
        for partner in sorted(partners):
            records = self.orders.among(_SILENT, partner, SHOWN)
            missed = [r for r in records if r.order.arch in mine and r.over_at]
            newest = max(missed, key=lambda r: r.over_at or since, default=None)
            if newest and newest.over_at and newest.over_at > since:
                again = sum(bool(r.over_at and r.over_at > since) for r in missed)
                text = f"{newest.standing} about {newest.order.arch}"
                text += f", {again} times since" if again > 1 else ""
                yield News(
                    novelty=Novelty.SILENT,
                    about=partner,
                    text=text,
                    at=newest.over_at,
                    page=f"/partners/{partner}",
                )


def _told(turn: Turn) -> str:
    result, before = turn.result, turn.before
    if turn.novelty is Novelty.FIXED:
        was = f"after {before.verdict}: {before.cause}" if before else "again"
        return f"green {was}"
    if turn.novelty is Novelty.FLAKY:
        return f"passed and failed at the same commit {result.commit[:10]}"
    was = "; it was green before" if before else ""
    return f"{result.verdict}: {result.cause}{was}"

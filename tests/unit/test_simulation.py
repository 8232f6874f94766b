"""The simulator: it plays the real scheduler, and nothing it prints can be better than possible."""

import json
from dataclasses import asdict, replace
from itertools import pairwise

from typer.testing import CliRunner

from orchestrator.cli.app import app
from orchestrator.lab.simulation.play import Fifo, Played, in_turn, play
from orchestrator.lab.simulation.report import simulate
from orchestrator.lab.simulation.workload import Workload, workload
from orchestrator.model.lease import Ledger
from orchestrator.model.scheduling.board import Board
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.rehearsal import rehearse
from orchestrator.model.scheduling.spans import Outlook, Span, Spans
from orchestrator.model.scheduling.yard import Yard


def board(load: Workload) -> Board:
    return Board(Yard(load.nodes, Outlook(spans=load.spans)), Purse(Ledger()))


def overlaps(played: Played) -> int:
    """Return how often a machine was given to two at once."""
    spells: dict[int, list[tuple[float, float]]] = {}
    for attempt, nodes in played.machines.items():
        for index in nodes:
            spell = (played.started[attempt], played.ended[attempt])
            spells.setdefault(index, []).append(spell)
    ordered = [sorted(found) for found in spells.values()]
    return sum(later[0] < earlier[1] for found in ordered for earlier, later in pairwise(found))


def test_every_cell_is_played_once_on_machines_of_its_own() -> None:
    load = workload(250, 40, 7)
    fifo = Fifo()
    for played in (
        play(load, board(load), in_turn),
        play(load, board(load), fifo, fifo.watch),
    ):
        assert len(played.ended) == 250
        assert overlaps(played) == 0
        assert all(played.started[a] >= at for a, at in played.asked.items())


def test_what_takes_what_it_usually_does_starts_as_rehearsed() -> None:
    load = workload(120, 40, 3)
    together = replace(
        load,
        requests=tuple(replace(asked, at=0.0) for asked in load.requests),
        spans=Spans(other=Span(usual=600, late=600)),
    )
    even = replace(
        together,
        requests=tuple(
            replace(asked, cells=tuple((item, 600.0) for item, _ in asked.cells))
            for asked in together.requests
        ),
    )
    said: dict[str, float] = {}

    def watch(stage: Board, _news: object, now: float) -> None:
        said.update((a, start - now) for a, start in rehearse(stage, now).items())

    assert play(even, board(even), in_turn, watch).started == said


def test_the_report_is_the_same_for_a_seed_and_never_better_than_possible() -> None:
    found = simulate(200, 40, 5)
    assert found == simulate(200, 40, 5)
    assert found.lower_bound <= found.makespan < found.fifo_makespan
    assert 0 < found.fifo_utilisation < found.utilisation <= 1
    told = CliRunner().invoke(
        app, ["simulate", "--cells", "200", "--nodes", "40", "--seed", "5", "--json"]
    )
    assert json.loads(told.stdout) == asdict(found)

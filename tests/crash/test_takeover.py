"""Workers are killed, stopped and cut off: others go on, and who wakes up late is refused."""

import signal
import statistics
import time
from pathlib import Path

import pytest

from orchestrator.model.ids import AttemptId
from tests.contract.storing import NOW, first_fit
from tests.crash.storm import Storm, made, schedule
from tests.postgres import Postgres, binaries


def test_a_dead_worker_is_taken_over_and_a_stopped_one_refused(tmp_path: Path) -> None:
    storm = made(f"sqlite:///{tmp_path}/store.sqlite", tmp_path, nodes=12, pace=0.6)
    try:
        storm.start("killed", "stopped", "living")

        def both() -> bool:
            if storm.done():
                storm.ask(4, 6)
            return storm.at_work("killed") and storm.at_work("stopped")

        storm.wait(both, "both to be at work")
        storm.stop("stopped")
        storm.kill("killed")
        storm.sound()
        assert all(attempts for _, attempts in storm.losses)
        storm.wait(storm.done, "the third to go on with all of it")
        told = [e.text for a in storm.losses[-1][1] for e in storm.store.events.of(a)]
        assert "living took it over from killed, which ended or was not heard any more" in told
        # it wakes up in the middle of a stage that somebody else has ended long ago
        storm.workers["stopped"].send_signal(signal.SIGCONT)
        said = storm.folder / "stopped.log"
        storm.wait(lambda: "was taken over" in said.read_text(), "the one that slept to notice")
        storm.ask(1, 3)
        storm.wait(storm.done, "more work to be done")
        storm.prove()
        assert storm.resumed()
        print(f"went on {max(storm.resumed()):.1f} s after the loss, at most")
    finally:
        storm.workers["stopped"].send_signal(signal.SIGCONT)
        storm.end()


@pytest.mark.real
@pytest.mark.skipif(not binaries(), reason="no PostgreSQL server is installed")
def test_200_cells_survive_kills_of_workers_server_and_database(tmp_path: Path) -> None:
    server = Postgres().start()
    names = [f"w{number}" for number in range(4)]
    with server.database() as url:
        # the orchestrator's own walks are such a worker's: it is the fifth
        storm = made(url, tmp_path, nodes=24, pace=0.5)
        try:
            storm.start(*names, "server")
            storm.ask(10)
            kills = _batter(storm, server)
            storm.prove()
            took = storm.resumed()
            print(
                f"{kills} kills over 200 cells: nothing lost, doubled or leaked; "
                f"{len(took)} attempts went on, after {statistics.median(took):.1f} s (median), "
                f"{max(took):.1f} s at most"
            )
        finally:
            storm.end()
    server.remove()


def _batter(storm: Storm, server: Postgres) -> int:
    """Kill somebody every few seconds until all is done; return how often."""
    dice, kills = schedule(5), 0
    whom = [*storm.workers, "database"]
    while not storm.done():
        time.sleep(dice.uniform(1.0, 4.0))
        storm.sound()
        name = dice.choice(whom)
        kills += 1
        if name == "database":
            server.kill()
            server.start()
        else:
            storm.kill(name)
            storm.start(name)
    return kills


def test_what_was_granted_and_never_begun_is_begun_by_whoever_starts(tmp_path: Path) -> None:
    storm = made(f"sqlite:///{tmp_path}/store.sqlite", tmp_path, nodes=3, pace=0.05)
    try:
        storm.ask(1, 2)
        # as if its granter was killed before it told the engine
        storm.store.queue.grant(first_fit, NOW)
        assert storm.store.queue.granted() == (AttemptId("1/k0/1"), AttemptId("1/k1/1"))
        storm.start("late")
        storm.wait(storm.done, "it to be done")
        storm.prove()
    finally:
        storm.end()

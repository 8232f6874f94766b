"""How soon an orchestrator works again after SIGKILL."""

import statistics
import tempfile
import time
from pathlib import Path

from tests.orchestrating import Orchestrator

KILLS = 5


def bench() -> None:
    """Print the seconds from the restart to the first thing that happens to an attempt."""
    with tempfile.TemporaryDirectory() as folder:
        orchestrator = Orchestrator(home=Path(folder) / "home", nodes=4)
        orchestrator.start()
        took = []
        for _ in range(KILLS):
            run = orchestrator.ask("trunk", "kvm-flat")
            orchestrator.wait_for(orchestrator.leased, 60, "a lease")
            time.sleep(1)
            orchestrator.kill()
            last = orchestrator.rows("SELECT max(seq) FROM events")[0][0]
            began = time.monotonic()
            orchestrator.start()

            def resumed(last: int = last) -> bool:
                return bool(orchestrator.rows("SELECT 1 FROM events WHERE seq > ?", last))

            orchestrator.wait_for(resumed, 60, "the attempt to go on")
            took.append(time.monotonic() - began)
            orchestrator.wait_for(lambda run=run: orchestrator.done(run), 300, "the run to end")
        orchestrator.stop()
    print(f"from restart to work: median {statistics.median(took):.1f} s, most {max(took):.1f} s")
    print("facts of the bare engine (DBOS, SQLite, poll 1 s): 3.0 to 3.2 s")

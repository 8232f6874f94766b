"""Two orchestrators chained through Jenkins' protocol; either is killed at every step."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaining import ARCH, Chain, chained
from tests.orchestrating import Orchestrator

pytestmark = pytest.mark.real

#: states of the order in which one side is killed
STEPS = ("asked", "accepted", "building")
PATIENCE = 900.0


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = chained(tmp_path)
    yield made
    made.stop()


def events(main: Orchestrator, run: int, kind: str) -> int:
    query = "SELECT count(*) FROM events WHERE attempt LIKE ? AND kind = ?"
    return int(main.rows(query, f"{run}/%", kind)[0][0])


def cell(main: Orchestrator, run: int) -> Any:  # noqa: ANN401  # whatever JSON holds
    (found,) = main.json("show", str(run))["cells"]
    return found


def test_the_vendor_s_lab_decides_the_cell_and_the_matrix_says_so(chain: Chain) -> None:
    green = chain.main.ask("trunk", ARCH)
    red = chain.main.ask("multi-nic", ARCH)
    for run in (green, red):
        chain.main.wait_for(lambda r=run: chain.main.done(r), PATIENCE, f"run {run}")
    assert (cell(chain.main, green)["verdict"], cell(chain.main, green)["provenance"]) == (
        "passed",
        "partner",
    )
    found = cell(chain.main, red)
    assert (found["verdict"], found["blame"], found["partner"]) == ("failed", "product", "vendor")
    assert found["tests"]["failed"]
    assert found["cause"].endswith("at vendor")
    page = chain.main.cli("matrix").stdout
    assert "passed" in page
    (view,) = chain.main.json("partners")["partners"]
    assert (view["asked"], view["answer_rate"], view["silent"]) == (2, 1.0, 0)
    again = chain.main.cli("run", "sample@trunk", "--on", ARCH, "--wait", seconds=PATIENCE)
    assert again.returncode == 0


@pytest.mark.parametrize("side", ["main", "vendor"])
def test_killed_at_every_step_there_is_one_build_and_one_result(chain: Chain, side: str) -> None:
    run = chain.main.ask("trunk", ARCH)
    for step in STEPS:
        chain.main.wait_for(lambda s=step: events(chain.main, run, s), PATIENCE, step)
        victim: Orchestrator = getattr(chain, side)
        port = json.loads((victim.home / "server.json").read_text())["url"].rpartition(":")[2]
        victim.kill()
        time.sleep(1.0)
        victim.start()
        again = json.loads((victim.home / "server.json").read_text())["url"]
        assert again.endswith(port), "it answers where it did"
    chain.main.wait_for(lambda: chain.main.done(run), PATIENCE, "the end")
    assert cell(chain.main, run)["verdict"] == "passed"
    assert chain.vendor.rows("SELECT count(*) FROM items") == [(1,)]
    assert chain.vendor.rows("SELECT count(*) FROM runs") == [(1,)]
    for kind in ("asked", "judged", "answered"):
        assert events(chain.main, run, kind) == 1, kind
    assert chain.main.rows("SELECT standing FROM orders") == [("answered",)]

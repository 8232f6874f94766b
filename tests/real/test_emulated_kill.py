"""SIGKILL of the orchestrator in each phase of an install on an emulated machine."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attempts,
    build_if_needed,
    lab_file,
    missing,
    moments,
    orchestrator,
    verdict,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """One machine, by an overlay of the golden image."""
    folder = tmp_path_factory.mktemp("killed")
    made = orchestrator(folder, lab_file(folder, "overlay"))
    build_if_needed(made)
    yield made
    made.stop()


def emulators(lab: Orchestrator) -> int:
    """Return how many QEMU processes of this lab run."""
    found = subprocess.run(
        ["pgrep", "-fc", f"qemu-system.*{lab.home}"], capture_output=True, check=False
    )
    return int(found.stdout)


def test_killed_in_each_phase_of_an_install(lab: Orchestrator) -> None:
    """One install, one attempt, one machine; nothing is left on, leased or running."""
    run = lab.ask("trunk", "machine-overlay")
    phases: list[str] = []

    def news() -> bool:
        offers = [json.loads(value) for (value,) in lab.rows("SELECT value FROM offers")]
        fetched = {f"fetched {name}" for offer in offers for name in offer["fetched"]}
        found = ({*moments(lab, run)} | fetched) - set(phases)
        phases.extend(sorted(found))
        return bool(found) or lab.done(run)

    while not lab.done(run):
        lab.wait_for(news, 3600, "the next phase")
        if lab.done(run):
            break
        assert emulators(lab) <= 1
        lab.kill()
        lab.start()
    print(f"killed after each of: {', '.join(phases)}")
    assert verdict(lab, run)[0] == "passed", verdict(lab, run)
    assert len(attempts(lab, run)) == 1
    seen = lab.witnessed()
    assert seen["network-booted"] == 1
    assert seen["power-on"] == 1
    assert emulators(lab) == 0
    assert lab.leased() == []
    assert lab.powered() == []

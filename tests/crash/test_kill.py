"""SIGKILL of the orchestrator: nothing lost, nothing done twice, no machine leaked."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.orchestrating import Orchestrator

ARCHS = ("kvm-flat", "xenserver-flat", "kvm-two-zones")
RANDOM_KILLS = 100


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    running = Orchestrator(home=tmp_path / "home", nodes=6)
    running.start()
    yield running
    running.stop()


def verdicts(orchestrator: Orchestrator, run: int) -> dict[str, tuple[str, int]]:
    """Return each cell's verdict and how many attempts it took."""
    view = orchestrator.json("show", str(run))
    return {cell["arch"]: (cell["verdict"], cell["attempts"]) for cell in view["cells"]}


def assert_nothing_left_or_doubled(orchestrator: Orchestrator) -> None:
    """Fail unless BMCs saw exactly one install per lease, and nothing is leased or on."""
    leases = orchestrator.rows("SELECT count(*) FROM grants")[0][0]
    seen = orchestrator.witnessed()
    once_per_lease = ("power-on", "power-off", "boot-device", "installer-started", "installed")
    assert {name: seen[name] for name in once_per_lease} == dict.fromkeys(once_per_lease, leases)
    assert orchestrator.leased() == []
    assert orchestrator.powered() == []
    checked = orchestrator.cli("doctor", "--store")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def kinds(orchestrator: Orchestrator) -> set[tuple[str, str]]:
    """Return each kind of event, with its stage, that the store holds."""
    return set(orchestrator.rows("SELECT DISTINCT kind, stage FROM events"))


def stages(orchestrator: Orchestrator) -> set[tuple[str, str]]:
    """Return each stage that the store holds an event of."""
    return set(orchestrator.rows("SELECT DISTINCT 'any', stage FROM events"))


@pytest.mark.parametrize(
    ("seen", "archs"),
    [(stages, ("kvm-two-zones",)), pytest.param(kinds, ARCHS, marks=pytest.mark.real)],
    ids=["stage", "kind of event"],
)
def test_killed_after_every(
    orchestrator: Orchestrator,
    seen: Callable[[Orchestrator], set[tuple[str, str]]],
    archs: tuple[str, ...],
) -> None:
    run = orchestrator.ask("trunk", *archs)
    survived: set[tuple[str, str]] = set()
    resumed: list[float] = []

    def news() -> bool:
        found = seen(orchestrator) - survived
        survived.update(found)
        return bool(found) or orchestrator.done(run)

    while not orchestrator.done(run):
        orchestrator.wait_for(news, 120, "the next to survive")
        if orchestrator.done(run):
            break
        orchestrator.kill()
        resumed.append(orchestrator.start())
    assert verdicts(orchestrator, run) == dict.fromkeys(archs, ("passed", 1))
    assert_nothing_left_or_doubled(orchestrator)
    came = {stage for _, stage in survived}
    assert {"lease", "provision", "deploy", "smoke", "verdict", "release"} <= came
    print(f"{len(resumed)} kills survived; answering again after at most {max(resumed):.1f} s")


def test_a_machine_that_dies_is_infra_and_the_cell_passes_elsewhere(
    orchestrator: Orchestrator,
) -> None:
    others = ["n02", "n03", "n04", "n05", "n06"]
    for node in others:
        orchestrator.cli("node", "drain", node, "--reason", "leave one to choose")
    assert orchestrator.cli("lab", "fault", "n01", "dies-in-deploy").returncode == 0
    run = orchestrator.ask("trunk", "kvm-flat")
    orchestrator.wait_for(orchestrator.leased, 60, "the machine to be leased")
    orchestrator.cli("node", "restore", "n02")
    orchestrator.wait_for(lambda: orchestrator.done(run), 120, "the run to end")
    assert verdicts(orchestrator, run)["kvm-flat"] == ("passed", 2)
    ((first,),) = orchestrator.rows("SELECT ruling FROM attempts WHERE number = 1")
    assert '"infra"' in first
    assert "n01" in first


def test_a_lab_that_is_killed_comes_back_and_no_machine_is_blamed(
    orchestrator: Orchestrator,
) -> None:
    run = orchestrator.ask("trunk", "kvm-flat", "kvm-two-zones")

    def deploying() -> bool:
        return bool(orchestrator.rows("SELECT 1 FROM events WHERE stage = 'deploy'"))

    orchestrator.wait_for(deploying, 60, "a deploy to begin")
    assert orchestrator.kill_lab() > 1
    orchestrator.wait_for(lambda: orchestrator.done(run), 180, "the run to end")
    decided = verdicts(orchestrator, run)
    assert {verdict for verdict, _ in decided.values()} == {"passed"}
    assert max(attempts for _, attempts in decided.values()) == 2
    nodes = orchestrator.json("nodes")["nodes"]
    assert [(node["state"], node["marks"]) for node in nodes] == [("in-service", 0)] * 6
    assert orchestrator.leased() == []
    assert orchestrator.powered() == []


@pytest.mark.real
def test_killed_at_random_instants(orchestrator: Orchestrator) -> None:
    dice = random.Random(20110303)  # noqa: S311  # a schedule of kills, repeatable
    runs: list[int] = []
    for _ in range(RANDOM_KILLS):
        if not runs or orchestrator.done(runs[-1]):
            runs.append(orchestrator.ask("trunk", *ARCHS))
        time.sleep(dice.uniform(0.0, 4.0))
        orchestrator.kill()
        orchestrator.start()
    for run in runs:
        orchestrator.wait_for(lambda run=run: orchestrator.done(run), 300, f"run {run} to end")
        assert verdicts(orchestrator, run) == dict.fromkeys(ARCHS, ("passed", 1))
    assert_nothing_left_or_doubled(orchestrator)

"""The lab as a whole: what is killed comes back or goes, and nothing is left."""

import json
import math
import os
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from orchestrator.lab import box
from orchestrator.model.errors import ConfigError
from tests.unit import lab_rig
from tests.unit.lab_rig import Live, Rig, sleeps, wait


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with lab_rig.live(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def rig(live: Live) -> Iterator[Rig]:
    with live.rig() as machine:
        yield machine


def test_a_killed_machine_process_is_a_power_loss(rig: Rig, live: Live) -> None:
    rig.install()
    mark = f"8{secrets.randbelow(10**6):06d}"
    assert rig.ssh(f"setsid sleep {mark} >/dev/null 2>&1 &").returncode == 0
    state = json.loads((live.lab.folder / "lab.json").read_text())
    family = psutil.Process(state["supervisor"]).children(recursive=True)
    sshd = next(p for p in family if str(rig.folder.run / "sshd_config") in p.cmdline())
    os.kill(sshd.parent().parent().pid, signal.SIGKILL)
    wait(lambda: rig.power() == "off", "respawned BMC")
    wait(lambda: sleeps(mark) == [], "end of what ran on it")
    rig.install()


def test_attaching_and_starting_again_give_the_same_lab(live: Live) -> None:
    again = box.attach(live.lab.folder)
    assert again == live.lab
    assert box.start(live.lab.folder, nodes=2, speed=math.inf) == live.lab
    with pytest.raises(ConfigError, match="2 simulated machines at speed max"):
        box.start(live.lab.folder, nodes=3, speed=math.inf)


def test_a_second_lab_takes_another_subnet_and_dies_with_its_supervisor(
    live: Live, tmp_path: Path
) -> None:
    other = box.start(tmp_path, nodes=1, speed=math.inf)
    try:
        assert other.nodes()[0].address.split(".")[1] != live.lab.nodes()[0].address.split(".")[1]
        supervisor = json.loads((tmp_path / "lab.json").read_text())["supervisor"]
        family = psutil.Process(supervisor).children(recursive=True)
        # The machine, and what waits for the first caller of the storage array.
        assert len(family) == 2
        os.kill(supervisor, signal.SIGKILL)
        psutil.wait_procs(family, timeout=5)
        assert not any(process.is_running() for process in family)
        assert not other.alive()
        assert box.attach(tmp_path) is None
        assert box.start(tmp_path, nodes=1, speed=math.inf).alive()
    finally:
        other.stop()


def test_two_starts_at_once_make_one_lab(tmp_path: Path) -> None:
    def begin(_: int) -> box.Box:
        return box.start(tmp_path, nodes=2, speed=math.inf)

    with ThreadPoolExecutor(3) as pool:
        labs = set(pool.map(begin, range(3)))
    try:
        assert len(labs) == 1
        (lab,) = labs
        assert lab.alive()
        assert len(lab.nodes()) == 2
    finally:
        lab.stop()


def test_nothing_on_a_machine_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    mark = f"7{secrets.randbelow(10**6):06d}"
    with lab_rig.live(tmp_path) as other, other.rig() as machine:
        machine.install()
        assert machine.ssh(f"setsid env -i sleep {mark} >/dev/null 2>&1 &").returncode == 0
        supervisor = json.loads((tmp_path / "lab.json").read_text())["supervisor"]
        family = psutil.Process(supervisor).children(recursive=True)
        assert len(family) > 4
        os.kill(supervisor, signal.SIGKILL)
        gone, alive = psutil.wait_procs(family, timeout=5)
        assert (len(gone), alive) == (len(family), [])
        assert sleeps(mark) == []

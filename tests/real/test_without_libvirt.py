"""A host that has no libvirt: KVM's cells run all the same, and say what their guests are."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestrating import ROOT, Orchestrator

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("virsh"),
        reason="hides libvirt from one process tree: needs root, and libvirt to hide",
    ),
]
HIDE = (
    'for name in virsh libvirtd; do mount --bind /dev/null "$(command -v $name)"; done; exec "$@"'
)
WITHIN = ("unshare", "--mount", "--propagation", "private", "sh", "-c", HIDE, "sh")
SAID = "no libvirt here: guests are made from their definitions alone"


@pytest.fixture
def smoketest(tmp_path: Path) -> Iterator[Orchestrator]:
    running = Orchestrator(home=tmp_path / "home", nodes=2, within=WITHIN)
    running.start()
    yield running
    running.cli("down")
    running.stop()


def test_kvm_runs_without_libvirt_and_says_so(smoketest: Orchestrator) -> None:
    words = ("run", "sample@trunk", "--on", "kvm-flat", "--wait")
    [cell] = smoketest.json(*words, seconds=900)["cells"]
    assert (cell["verdict"], cell["provenance"]) == ("passed", "simulated"), cell["cause"]
    [log] = smoketest.home.rglob("logs/*/hypervisor.log")
    assert SAID in log.read_text()
    doctor = (*WITHIN, sys.executable, "-m", "orchestrator", "doctor", "--json", "--home")
    told = subprocess.run(
        [*doctor, str(smoketest.home)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "not found: libvirtd, virsh" in told.stdout + told.stderr

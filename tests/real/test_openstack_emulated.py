"""A cloud from its sources on an emulated machine: installed, deployed over SSH, tested through it.

Slow: without KVM a deploy takes half an hour of two idle cores. `SMOKETEST_ARTIFACTS` names a
folder that keeps the released wheels between runs.
"""

from collections.abc import Iterator

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    build_if_needed,
    lab_file,
    missing,
    orchestrator,
)
from tests.real.nova_tree import Tree, make

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
HOUR = 3600.0
MEMORY = 6144  # MiB


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """One machine that starts from an overlay of the golden image, large enough for a cloud."""
    folder = tmp_path_factory.mktemp("emulated-cloud")
    made = orchestrator(folder, lab_file(folder, "overlay", memory=MEMORY))
    build_if_needed(made)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def nova(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return make(tmp_path_factory.mktemp("tree"))


@pytest.mark.parametrize("arch", ["openstack-fake", "openstack-kvm-flat"])
def test_a_cloud_on_an_emulated_machine(lab: Orchestrator, nova: Tree, arch: str) -> None:
    """Nobody has to trust the code: it runs on a machine of its own."""
    run = int(lab.json("run", f"{nova.path}@34.0.0", "--on", arch)["run"])
    lab.wait_for(lambda: lab.done(run), 4 * HOUR, f"{arch} to end")
    (cell,) = lab.json("show", str(run))["cells"]
    print({key: cell[key] for key in ("cell", "verdict", "blame", "cause", "phases", "tests")})
    assert cell["verdict"] == "passed", cell["cause"]
    assert cell["provenance"] == "emulated"
    assert cell["tests"]["failed"] == cell["tests"]["skipped"] == 0

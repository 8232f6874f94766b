"""What goes wrong with an emulated machine: whose fault it is, why, and what follows."""

from collections.abc import Iterator

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attempts,
    build,
    console,
    lab_file,
    missing,
    orchestrator,
    settled,
    verdict,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """Two machines that are installed from the golden image, and one by the installer."""
    folder = tmp_path_factory.mktemp("faulty")
    made = orchestrator(folder, lab_file(folder, "overlay", "overlay", "install"))
    build(made)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("fault", "words", "shown"),
    [
        ("no-pxe", "no DHCP offer", "No configuration methods succeeded"),
        ("small-disk", "did not call home|disk", ""),
        ("lying", "power state|accepted", ""),
        ("resets", "did not call home|reset", ""),
        ("hangs-in-install", "did not call home|hung|answer", ""),
    ],
)
def test_a_faulty_machine_is_infra_and_the_cell_passes_elsewhere(
    lab: Orchestrator, fault: str, words: str, shown: str
) -> None:
    """The first try says what is wrong with n01; the second goes to n02."""
    lab.cli("node", "drain", "n02", "--reason", "the faulty one goes first")
    lab.cli("node", "restore", "n01")
    assert lab.cli("lab", "fault", "n01", fault).returncode == 0
    try:
        run = lab.ask("trunk", "hasty")
        lab.wait_for(lab.leased, 60, "n01 to be leased")
        lab.cli("node", "restore", "n02")
        lab.wait_for(lambda: lab.done(run), 1200, "the run to end")
    finally:
        lab.cli("lab", "clear", "n01")
    first, *others = attempts(lab, run)
    print(f"{fault}: {first['ruling']['blame']}: {first['ruling']['cause']}")
    assert first["ruling"]["blame"] == "infra"
    assert "n01" in first["ruling"]["cause"]
    assert any(word in first["ruling"]["cause"] for word in words.split("|"))
    assert shown in console(lab, run, "n01")
    assert verdict(lab, run)[0] == "passed"
    assert len(others) == 1


@pytest.mark.parametrize(
    ("arch", "blame", "words"),
    [("broken-mirrorless", "infra", "mirror"), ("broken-misspelt", "config", "")],
)
def test_an_image_that_cannot_be_installed(
    lab: Orchestrator, arch: str, blame: str, words: str
) -> None:
    """A mirror that is down is infra, and tried again; answers that cannot work are not."""
    run = settled(lab, arch)
    found = verdict(lab, run)
    print(f"{arch}: {found}")
    assert found[0] == "broken"
    assert found[1] == blame
    assert words in found[2]
    assert (len(attempts(lab, run)) == 1) == (blame == "config")

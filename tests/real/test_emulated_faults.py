"""What goes wrong with an emulated machine: whose fault it is, why, and what follows."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attempts,
    build_if_needed,
    console,
    lab_file,
    missing,
    only,
    orchestrator,
    settled,
    verdict,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


HOUR = 3600.0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """Two machines for each way of the golden image, and one for the installer."""
    folder = tmp_path_factory.mktemp("faulty")
    made = orchestrator(folder, lab_file(folder, "overlay", "overlay", "image", "image", "install"))
    build_if_needed(made)
    yield made
    made.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ill:
    """A fault, what the cause must hold, and what the console of the machine must show."""

    fault: str
    cause: tuple[str, ...]
    shown: str = ""
    way: str = "overlay"
    #: the arch of such machines; the usual ones are patient, as a busy host must be
    arch: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """The machine that has it, and the one of its kind that has not."""
        return ("n01", "n02") if self.way == "overlay" else ("n03", "n04")


FAULTS = (
    Ill(
        fault="no-pxe",
        cause=("no DHCP offer; check its cable", "went on to boot its disk"),
        shown="No configuration methods",
    ),
    Ill(
        fault="small-disk",
        cause=("the image does not fit the disk",),
        way="image",
        shown="disk full",
    ),
    Ill(fault="lying", cause=("still reads", "reset the BMC")),
    Ill(fault="resets", cause=("it reset itself before it was installed",), shown="SeaBIOS"),
    Ill(
        fault="hangs-in-install",
        cause=("it hangs: its console has been silent for",),
        way="image",
        arch="hasty-image",
    ),
)


@pytest.mark.parametrize("ill", FAULTS, ids=lambda ill: ill.fault)
def test_a_faulty_machine_is_infra_and_the_cell_passes_elsewhere(
    lab: Orchestrator, ill: Ill
) -> None:
    """The first try says what is wrong with the machine; the second goes to another."""
    sick, well = ill.pair
    lab.cli("node", "restore", sick)
    assert lab.cli("lab", "fault", sick, ill.fault).returncode == 0
    try:
        with only(lab, sick):
            arch = ill.arch or f"machine-{ill.way}"
            asked = lab.begin("run", "sample@trunk", "--on", arch, "--json")
            lab.wait_for(lab.leased, 600, f"{sick} to be leased")
        run = int(asked.json()["run"])
        lab.wait_for(lambda: lab.done(run), 2 * HOUR, "the run to end")
    finally:
        lab.cli("lab", "clear", sick)
    first, *others = attempts(lab, run)
    print(f"{ill.fault}: {first['ruling']['blame']}: {first['ruling']['cause']}")
    assert first["ruling"]["blame"] == "infra"
    assert sick in first["ruling"]["cause"]
    for words in ill.cause:
        assert words in first["ruling"]["cause"]
    assert ill.shown in console(lab, run, sick)
    assert verdict(lab, run)[0] == "passed", f"not on {well}: {verdict(lab, run)}"
    assert len(others) == 1


@pytest.mark.parametrize(
    ("arch", "blame", "words"),
    [
        ("broken-mirrorless", "infra", "cannot use its mirror"),
        ("broken-misspelt", "config", "no such package"),
    ],
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

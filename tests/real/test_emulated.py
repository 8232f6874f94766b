"""Emulated machines through the very path that drives a rack: power, network boot, install, trust.

Slow: without KVM the first test installs Debian twice at once, which takes half an hour on two
cores that do nothing else. What it leaves, a golden image, is what the others start from.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.orchestrating import Orchestrator
from tests.real import side_by_side
from tests.real.emulated_lab import (
    attested,
    build,
    building,
    console,
    golden,
    lab_file,
    missing,
    moments,
    offered,
    orchestrator,
    passed_tests,
    seconds,
    verdict,
)
from tests.real.side_by_side import Watched

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
HOUR = 3600.0
#: how much less than the installer every other way must cost the processor
LEAST_SHARE = 10.0
GUEST_TESTS = 7


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """A lab with a machine for each way of installing."""
    folder = tmp_path_factory.mktemp("emulated")
    made = orchestrator(folder, lab_file(folder, "install", "overlay", "image", "clone"))
    yield made
    made.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A run on a machine that the Debian installer installed."""

    run: int
    #: what its emulator cost the processor until it was ready, in seconds
    processor: float


@pytest.fixture(scope="module")
def installed(lab: Orchestrator) -> Installed:
    """The run on a machine that the Debian installer installs, beside a bare install.

    The bare one is the build of the golden image: a machine of the same shape with the same
    answers, that nobody drives. What each costs the processor tells who is slower; the clock does
    so only on a host that does nothing else.
    """
    run = lab.ask("trunk", "kvm-installed")
    ours = Watched(
        name="n01",
        place=lab.home,
        console=lambda: console(lab, run, "n01"),
        until=lambda: "ready" in moments(lab, run),
    )
    folder = building(lab)
    bare = Watched(
        name=folder.parent.name[:12],
        place=folder,
        console=lambda: side_by_side.text(folder / "console.log"),
    )
    watching = [ours.start(), bare.start()]
    with ThreadPoolExecutor(1) as pool:
        built = pool.submit(build, lab)
        lab.wait_for(lambda: lab.done(run), 2 * HOUR, "kvm-installed to end")
        said = built.result(2 * HOUR)
    for watched, thread in zip((ours, bare), watching, strict=True):
        watched.stop()
        thread.join()
    at = moments(lab, run)
    print(side_by_side.table(ours.install, bare.install))
    print(", ".join(f"{kind} +{when - at['powered-off']:.0f} s" for kind, when in at.items()))
    print(said)
    return Installed(run=run, processor=ours.processor)


def test_by_the_debian_installer_beside_a_bare_install(
    lab: Orchestrator, installed: Installed
) -> None:
    """Power by IPMI, PXE, Debian's installer, call-back, trust, Ansible, and a guest that runs."""
    assert verdict(lab, installed.run) == ("passed", None, ""), verdict(lab, installed.run)
    assert passed_tests(lab, installed.run) == GUEST_TESTS
    assert golden(lab).built, "the image that was built beside it is not there"


@pytest.mark.parametrize(("way", "node"), [("overlay", "n02"), ("image", "n03"), ("clone", "n04")])
def test_from_the_golden_image(
    lab: Orchestrator, installed: Installed, way: str, node: str
) -> None:
    """Each way gives a machine that attests the same, and says which way it was."""
    run = lab.ask("trunk", f"machine-{way}")
    cost = side_by_side.spent(node, lab.home, lambda: "ready" in moments(lab, run) or lab.done(run))
    lab.wait_for(lambda: lab.done(run), HOUR, f"machine-{way} to end")
    assert verdict(lab, run)[0] == "passed", verdict(lab, run)
    assert "debian-12@" in offered(lab, run)
    assert ("+memory" in offered(lab, run)) == (way == "clone")
    slow, fast = seconds(lab, installed.run), seconds(lab, run)
    print(f"{way}: provisioned in {fast:.1f} s, the installer in {slow:.0f} s: {slow / fast:.0f} x")
    share = installed.processor / cost
    took = f"{cost:.0f} s of the processor, the installer {installed.processor:.0f} s"
    print(f"{way}: {took}: {share:.1f} x")
    assert share >= LEAST_SHARE
    # The installer draws a new identifier for each disk that it divides; all else is the same.
    first, *others = attested(lab, "partition-ids").values()
    assert "packages" in first
    assert others
    assert all(facts == first for facts in others), attested(lab)
    copies = {facts["partition-ids"] for node, facts in attested(lab).items() if node != "n01"}
    assert len(copies) == 1, attested(lab)

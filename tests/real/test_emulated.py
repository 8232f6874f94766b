"""Emulated machines through the very path that drives a rack: power, network boot, install, trust.

Slow: without KVM the first test installs Debian twice at once, which takes half an hour on two
cores that do nothing else. What it leaves, a golden image, is what the others start from.
"""

import threading
from collections.abc import Iterator

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
    settled,
    verdict,
)
from tests.real.side_by_side import Watched

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
HOUR = 3600.0
GUEST_TESTS = 7


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """A lab with a machine for each way of installing."""
    folder = tmp_path_factory.mktemp("emulated")
    made = orchestrator(folder, lab_file(folder, "install", "overlay", "image", "clone"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def installed(lab: Orchestrator) -> int:
    """The run on a machine that the Debian installer installs, beside a bare install.

    The bare one is the build of the golden image: a machine of the same shape with the same
    answers, that nobody drives. What each costs the processor tells who is slower; the clock does
    so only on a host that does nothing else.
    """
    run = lab.ask("trunk", "kvm-installed")
    ours = Watched("n01", lambda: console(lab, run, "n01"))
    folder = building(lab)
    bare = Watched(folder.parent.name[:12], lambda: side_by_side.text(folder / "console.log"))
    built: list[str] = []
    begun = [ours.start(), bare.start(), threading.Thread(target=lambda: built.append(build(lab)))]
    begun[-1].start()
    lab.wait_for(lambda: lab.done(run), 2 * HOUR, "kvm-installed to end")
    for thread in begun:
        thread.join(HOUR)
    at = moments(lab, run)
    print(side_by_side.table(ours.moments, bare.moments))
    print(", ".join(f"{kind} +{when - at['powered-off']:.0f} s" for kind, when in at.items()))
    print(*built)
    return run


def test_by_the_debian_installer_beside_a_bare_install(lab: Orchestrator, installed: int) -> None:
    """Power by IPMI, PXE, Debian's installer, call-back, trust, Ansible, and a guest that runs."""
    assert verdict(lab, installed) == ("passed", None, ""), verdict(lab, installed)
    assert passed_tests(lab, installed) == GUEST_TESTS
    assert golden(lab).built, "the image that was built beside it is not there"


@pytest.mark.parametrize("way", ["overlay", "image", "clone"])
def test_from_the_golden_image(lab: Orchestrator, installed: int, way: str) -> None:
    """Each way gives a machine that attests the same, and says which way it was."""
    run = settled(lab, f"machine-{way}")
    assert verdict(lab, run)[0] == "passed", verdict(lab, run)
    assert "debian-12@" in offered(lab, run)
    assert ("+memory" in offered(lab, run)) == (way == "clone")
    slow, fast = seconds(lab, installed), seconds(lab, run)
    print(f"{way}: provisioned in {fast:.1f} s, the installer in {slow:.0f} s: {slow / fast:.0f} x")
    assert fast < slow, "ten times as fast on a host that does nothing else; the figure is printed"
    # The installer draws a new identifier for each disk that it divides; all else is the same.
    first, *others = attested(lab, "partition-ids").values()
    assert "packages" in first
    assert others
    assert all(facts == first for facts in others), attested(lab)
    copies = {facts["partition-ids"] for node, facts in attested(lab).items() if node != "n01"}
    assert len(copies) == 1, attested(lab)

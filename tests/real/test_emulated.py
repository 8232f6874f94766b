"""Emulated machines through the very path that drives a rack: power, network boot, install, trust.

Slow: without KVM the first test installs Debian twice, which takes half an hour on two cores.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attested,
    bare_install,
    build,
    lab_file,
    missing,
    moments,
    offered,
    orchestrator,
    seconds,
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
    """A lab with a machine for each way of installing."""
    folder = tmp_path_factory.mktemp("emulated")
    made = orchestrator(folder, lab_file(folder, "overlay", "image", "clone", "install"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def golden(lab: Orchestrator) -> str:
    """What the build of the golden image said of itself."""
    return build(lab)


def test_by_the_debian_installer_beside_a_bare_install(lab: Orchestrator, tmp_path: Path) -> None:
    """Our road to an installed machine, and the same install with nobody around it, at once."""
    rival: list[float] = []
    beside = threading.Thread(target=lambda: rival.append(bare_install(lab, tmp_path / "bare")))
    beside.start()
    run = settled(lab, "machine-install")
    beside.join(HOUR)
    assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
    at = moments(lab, run)
    ours = at["arrived"] - at["powered-on"]
    (theirs,) = rival
    print(f"power-on to call-back: {ours:.0f} s, bare {theirs:.0f} s, ratio {ours / theirs:.3f}")
    print(", ".join(f"{kind} +{when - at['powered-off']:.0f} s" for kind, when in at.items()))


@pytest.mark.parametrize("way", ["overlay", "image", "clone"])
def test_from_the_golden_image(lab: Orchestrator, golden: str, way: str) -> None:
    """Each way gives a machine that attests the same, and says which way it was."""
    run = settled(lab, f"machine-{way}")
    assert verdict(lab, run)[0] == "passed", verdict(lab, run)
    assert "debian-12@" in offered(lab, run)
    assert ("+memory" in offered(lab, run)) == (way == "clone")
    print(f"{way}: provision took {seconds(lab, run):.1f} s ({golden.strip()})")
    first, *others = attested(lab).values()
    assert "packages" in first
    assert all(facts == first for facts in others), attested(lab)

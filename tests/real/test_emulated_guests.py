"""Guests on emulated machines, and a segment with VLANs: the shipped archs, whole."""

from collections.abc import Iterator

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    build_if_needed,
    lab_file,
    missing,
    only,
    orchestrator,
    passed_tests,
    seconds,
    settled,
    verdict,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
GUEST_TESTS = 7
STAGES = ("provision", "deploy", "smoke")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """Three machines, by overlays of the golden image."""
    folder = tmp_path_factory.mktemp("guests")
    made = orchestrator(folder, lab_file(folder, "overlay", "overlay", "overlay"))
    build_if_needed(made)
    yield made
    made.stop()


@pytest.mark.parametrize("arch", ["kvm-guest-vlan", "xen-guest-flat", "xen-guest-vlan"])
def test_guests_run_on_a_deployed_machine(lab: Orchestrator, arch: str) -> None:
    """A guest boots, is reached over its network, has a volume."""
    with only(lab, "n01"):
        run = settled(lab, arch)
    assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
    assert passed_tests(lab, run) == GUEST_TESTS
    print(f"{arch}: " + ", ".join(f"{s} {seconds(lab, run, s):.0f} s" for s in STAGES))


def test_a_vlan_keeps_strangers_out(lab: Orchestrator) -> None:
    """Two machines of a VLAN reach each other, a third in another reaches neither."""
    run = settled(lab, "vlan-isolation")
    assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
    print("vlan-isolation: " + ", ".join(f"{s} {seconds(lab, run, s):.0f} s" for s in STAGES))

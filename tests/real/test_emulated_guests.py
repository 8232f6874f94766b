"""Guests on emulated machines, and a segment with VLANs: the shipped archs, whole."""

from collections.abc import Iterator

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attempts,
    build_if_needed,
    events,
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
    """Three machines by overlays of the golden image, and four by copies of its template."""
    folder = tmp_path_factory.mktemp("guests")
    made = orchestrator(folder, lab_file(folder, *("overlay",) * 3, *("clone",) * 4))
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


def test_two_runs_at_once_cannot_reach_each_other(lab: Orchestrator) -> None:
    """Four machines, two runs, one tag and one network: each run has a segment of its own."""
    runs = [lab.ask("trunk", f"vlan-pair-{host}") for host in (1, 2)]
    lab.wait_for(lambda: all(lab.done(run) for run in runs), 3 * 3600, "both runs to end")
    for run in runs:
        assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
        assert len(attempts(lab, run)) == 1
        print(f"vlan-pair: {plugged(lab, run)}")
    assert plugged(lab, runs[0]).isdisjoint(plugged(lab, runs[1]))


def plugged(lab: Orchestrator, run: int) -> set[str]:
    """Return what was said of the segments that the run's machines were put on."""
    told = (text for _, kind, text in events(lab, run) if kind == "note")
    return {text for text in told if text.startswith("data cards at ")}

"""Other roads to an installed machine, whole: FAI, and the Debian installer on UEFI by Redfish."""

import importlib.util

import pytest

from tests.orchestrating import Orchestrator
from tests.real.emulated_lab import (
    attested,
    build_if_needed,
    console,
    lab_file,
    missing,
    moments,
    offered,
    running,
    settled,
    verdict,
)
from tests.real.fai_node import missing as fai_missing

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
FAI = """
[images.debian-12-fai]
method = "fai"
kernel_package = "linux-image-cloud-amd64"
"""


def told(lab: Orchestrator, run: int) -> str:
    """Return when what happened, for people."""
    at = moments(lab, run)
    return ", ".join(f"{kind} +{when - at['powered-off']:.0f} s" for kind, when in at.items())


@pytest.mark.skipif(bool(fai_missing()), reason="see `smoketest doctor`")
def test_fai_installs_a_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Power by IPMI, PXE, FAI, call-back, trust, Ansible."""
    folder = tmp_path_factory.mktemp("fai")
    with running(folder, lab_file(folder, "install", images=FAI)) as lab:
        run = settled(lab, "machine-fai")
        assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
        assert "debian-12-fai" in offered(lab, run)
        assert "Fully Automatic Installation" in console(lab, run, "n01")
        print(f"FAI: {told(lab, run)}")


REDFISH = pytest.mark.skipif(
    importlib.util.find_spec("sushy_tools") is None, reason="needs pip install sushy-tools"
)


def test_a_golden_image_on_uefi(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built by a UEFI machine, written by a RAM disk to another, which then boots its own disk."""
    folder = tmp_path_factory.mktemp("uefi-image")
    with running(folder, lab_file(folder, "image", firmware="uefi")) as lab:
        build_if_needed(lab)
        run = settled(lab, "machine-restarted")
        assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
        assert "debian-12@" in offered(lab, run)
        (facts,) = attested(lab).values()
        assert facts["partitions"].startswith("gpt "), facts
        print(f"golden image on UEFI: {told(lab, run)}")


@REDFISH
def test_a_machine_by_redfish(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All that IPMI did, through sushy-tools' face of the same machine."""
    folder = tmp_path_factory.mktemp("redfish")
    with running(folder, lab_file(folder, "overlay", power="redfish")) as lab:
        build_if_needed(lab)
        run = settled(lab, "machine-overlay")
        assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
        assert "debian-12@" in offered(lab, run)
        print(f"Redfish: {told(lab, run)}")


@REDFISH
def test_the_debian_installer_on_uefi_by_redfish(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The whole way again: Redfish switches it on, UEFI boots the network, then its own disk."""
    folder = tmp_path_factory.mktemp("uefi")
    file = lab_file(folder, "install", power="redfish", firmware="uefi")
    with running(folder, file) as lab:
        run = settled(lab, "machine-install")
        assert verdict(lab, run) == ("passed", None, ""), verdict(lab, run)
        (facts,) = attested(lab).values()
        assert facts["partitions"].startswith("gpt "), facts
        assert facts["boot-order"] != "not told", facts
        print(f"UEFI by Redfish: {told(lab, run)}\n{facts}")

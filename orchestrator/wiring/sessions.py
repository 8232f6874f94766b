"""What speaks to hypervisors' management interfaces."""

from orchestrator.drivers.hypervisor.vsphere import VsphereHypervisor
from orchestrator.drivers.hypervisor.winrm import WinrmHypervisor
from orchestrator.drivers.hypervisor.xapi import XapiHypervisor
from orchestrator.ports.hypervisor import Hypervisor


def sessions() -> dict[str, Hypervisor]:
    """Return them by hypervisor."""
    return {
        "xenserver": XapiHypervisor(),
        "hyperv": WinrmHypervisor(),
        "vmware": VsphereHypervisor(),
    }

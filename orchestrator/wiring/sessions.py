"""What speaks to hypervisors' management interfaces, as far as their clients are installed."""

from importlib import import_module
from importlib.util import find_spec

from orchestrator.drivers.hypervisor.winrm import WinrmHypervisor
from orchestrator.drivers.hypervisor.xapi import XapiHypervisor
from orchestrator.ports.hypervisor import Hypervisor

_VSPHERE = "orchestrator.drivers.hypervisor.vsphere"


def sessions() -> dict[str, Hypervisor]:
    """Return them by hypervisor; that of vSphere if its client, an extra, is installed."""
    found: dict[str, Hypervisor] = {"xenserver": XapiHypervisor(), "hyperv": WinrmHypervisor()}
    if find_spec("pyVmomi"):
        found["vmware"] = import_module(_VSPHERE).VsphereHypervisor()
    return found

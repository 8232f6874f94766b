"""A Redfish face for a machine of the lab, beside its IPMI one: how to start it, where it answers.

The face is sushy-tools' emulator over the machine's own BMC, so both tell one truth.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from orchestrator.lab.labdir import Endpoints

REDFISH_PORT = 8000
_FACE = "orchestrator.lab.qemu.redfish_face"


def available() -> bool:
    """Return whether the emulator is installed (`pip install sushy-tools`)."""
    return find_spec("sushy_tools") is not None


def command(lab: Path, number: int, endpoints: Endpoints) -> tuple[str, ...]:
    """Return the argv of the face of machine `number`: it serves until it, or its parent, ends.

    It answers on the BMC's address, port `REDFISH_PORT`, over http, and lets in whom the BMC does.
    It may be started before the BMC answers, and again after it died: it keeps no state.
    """
    return (
        sys.executable,
        "-m",
        _FACE,
        *("--dir", str(lab), "--number", str(number)),
        *("--address", endpoints.bmc, "--bmc-port", str(endpoints.bmc_port)),
        *("--mac", endpoints.mac, "--port", str(REDFISH_PORT)),
    )

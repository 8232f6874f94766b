"""The segment that the second network cards of a lab's machines share: a switch of VDE."""

import shutil
from pathlib import Path

from orchestrator.model.errors import ConfigError

_PROGRAM = "vde_switch"
_PORTS = "256"


def socket(lab: Path) -> Path:
    """Return the folder through which machines of the lab plug in."""
    return lab / "segment"


def command(lab: Path) -> tuple[str, ...]:
    """Return the command of the lab's segment, which stays in the foreground.

    It ends with its standard input. It hands every frame, 802.1Q tag and all, to each machine but
    the one that sent it: a trunk.
    Raises `ConfigError` when it is not installed.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise ConfigError(f"no {_PROGRAM} on this host; type: apt-get install vde2")
    folder = socket(lab.absolute())
    return (program, "--hub", "--numports", _PORTS, "--sock", str(folder), "--mode", "0600")

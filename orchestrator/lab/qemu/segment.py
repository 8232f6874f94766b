"""The segments that the second network cards of a lab's machines are on: a switch of VDE each.

Each machine has one of its own. A lease's machines are plugged into that of the first of them when
they are switched on, so that no two leases share one, whatever tags their guests use.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.model.errors import ConfigError

_PROGRAM = "vde_switch"
_PORTS = "256"


#: what the lab's switch is called
SEGMENTS = "segments"


def socket(lab: Path, name: str = "") -> Path:
    """Return the folder through which machines plug into that segment; unnamed: the shared one."""
    return lab / SEGMENTS / name if name else lab / "segment"


def plugs(lab: Path) -> Path:
    """Return the folder with a file for each machine: the segment that it is plugged into."""
    return lab / "plugs"


def plugged(lab: Path, node: str) -> Path:
    """Return the folder through which a machine plugs in when it is switched on."""
    file = plugs(lab) / node
    own = socket(lab, file.read_text().strip() if file.is_file() else node)
    return own if own.is_dir() else socket(lab)


def commands(lab: Path, nodes: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the command of each machine's segment; raise `ConfigError` as `command` does."""
    socket(lab, "x").parent.mkdir(parents=True, exist_ok=True)
    for node in nodes:
        yield command(lab, node)


def command(lab: Path, name: str = "") -> tuple[str, ...]:
    """Return the command of a segment, which stays in the foreground.

    It ends with its standard input. It hands every frame, 802.1Q tag and all, to each machine but
    the one that sent it: a trunk.
    Raises `ConfigError` when it is not installed.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise ConfigError(f"no {_PROGRAM} on this host; type: apt-get install vde2")
    folder = socket(lab.absolute(), name)
    return (program, "--hub", "--numports", _PORTS, "--sock", str(folder), "--mode", "0600")

"""What people write for a run or a cell: `12`, `12/kvm-flat`, or the address of its page."""

import re
from dataclasses import dataclass

from orchestrator.model.errors import ConfigError

_PLACE = re.compile(
    r"(?:https?://[^/]+/(?:runs|cells)/)?#?(?P<run>\d+)(?:/(?P<arch>[^/\s]+)(?:/\d+)?)?/?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A run, or with `arch` one cell of it."""

    run: int
    arch: str = ""

    @property
    def cell(self) -> str:
        """Return the cell's name, `12/kvm-flat`."""
        return f"{self.run}/{self.arch}"


def place(text: str) -> Place:
    """Return the run or cell (an attempt's name means its cell); raise `ConfigError`."""
    found = _PLACE.fullmatch(text.strip())
    if not found:
        msg = f"{text!r} is no run (12) and no cell (12/kvm-flat): `smoketest runs` lists them"
        raise ConfigError(msg)
    return Place(run=int(found["run"]), arch=found["arch"] or "")


def run_of(text: str) -> int:
    """Return the run, also of a cell's name."""
    return place(text).run


def cell_of(text: str) -> Place:
    """Return the cell; raise `ConfigError` when only a run is named."""
    found = place(text)
    if not found.arch:
        msg = f"{text!r} is a run, not a cell: write {found.run}/ARCH; `smoketest show {found.run}`"
        raise ConfigError(f"{msg} lists its archs")
    return found

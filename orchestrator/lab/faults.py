"""What is wrong with a simulated machine: one file per machine, read at each action."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from orchestrator.lab.files import write_atomic
from orchestrator.model.errors import ConfigError

_DICE = random.SystemRandom()


class Fault(StrEnum):
    """A way in which a machine, or its BMC, misbehaves."""

    #: the BMC answers "node busy" to power and boot device commands
    BUSY = "busy"
    #: the BMC accepts power and boot device commands and does nothing
    LYING = "lying"
    #: the BMC answers seconds late
    SLOW = "slow"
    #: the BMC does not answer
    DEAD = "dead"
    #: the BMC refuses the right password
    WRONG_PASSWORD = "wrong-password"  # noqa: S105  # a fault's name
    #: network boot gets no answer
    NO_PXE = "no-pxe"
    #: the installed system never calls home
    NO_CALLBACK = "no-callback"
    #: the installer stops in the middle, for ever
    HANGS_IN_INSTALL = "hangs-in-install"
    #: power is lost a second or two after the first SSH command
    DIES_IN_DEPLOY = "dies-in-deploy"
    #: the machine resets itself, again and again
    RESETS = "resets"
    #: the disk is too small to install on
    SMALL_DISK = "small-disk"


_BMC = frozenset({Fault.BUSY, Fault.LYING, Fault.SLOW, Fault.DEAD, Fault.WRONG_PASSWORD})
#: what each kind of machine can be told to suffer from
OF_SIMULATED = _BMC | {
    *(Fault.NO_PXE, Fault.NO_CALLBACK, Fault.HANGS_IN_INSTALL, Fault.DIES_IN_DEPLOY)
}
OF_EMULATED = _BMC | {*(Fault.NO_PXE, Fault.HANGS_IN_INSTALL, Fault.RESETS, Fault.SMALL_DISK)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One fault of one machine."""

    fault: Fault
    #: 0..1, drawn at each action
    chance: float = 1.0
    #: UTC; None: until it is cleared
    until: datetime | None = None


def list_faults(path: Path) -> tuple[Setting, ...]:
    """Return the faults in force now, from a machine's fault file (none if there is no file).

    Raises `ConfigError` for a file that cannot be read as such.
    """
    try:
        entries = json.loads(path.read_text())
        settings = [_setting(entry) for entry in entries]
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a list of faults ({error})") from error
    now = datetime.now(UTC)
    return tuple(setting for setting in settings if setting.until is None or setting.until > now)


def set_fault(path: Path, setting: Setting) -> None:
    """Put `setting` in force from the machine's next action on, replacing the same fault."""
    if not 0.0 <= setting.chance <= 1.0:
        raise ConfigError(f"chance {setting.chance} is not between 0 and 1")
    if setting.until is not None and setting.until.tzinfo is None:
        raise ConfigError(f"the time {setting.until} needs a time zone, e.g. Z")
    others = [other for other in list_faults(path) if other.fault is not setting.fault]
    _write(path, (*others, setting))


def clear_fault(path: Path, fault: Fault | None = None) -> None:
    """Mend `fault`, or all when None."""
    kept = () if fault is None else tuple(s for s in list_faults(path) if s.fault is not fault)
    _write(path, kept)


def strikes(path: Path, fault: Fault) -> bool:
    """Return whether `fault` hits this action: in force, and its chance drawn."""
    return any(
        setting.fault is fault and _DICE.random() < setting.chance for setting in list_faults(path)
    )


def _setting(entry: dict[str, str | float | None]) -> Setting:
    until = entry["until"]
    return Setting(
        fault=Fault(str(entry["fault"])),
        chance=float(entry["chance"] or 0),
        until=None if until is None else datetime.fromisoformat(str(until)),
    )


def _write(path: Path, settings: tuple[Setting, ...]) -> None:
    entries = [
        {
            "fault": setting.fault.value,
            "chance": setting.chance,
            "until": None if setting.until is None else setting.until.isoformat(),
        }
        for setting in settings
    ]
    write_atomic(path, json.dumps(entries, indent=1) + "\n")

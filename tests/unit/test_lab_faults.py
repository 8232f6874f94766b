"""The fault file of a machine."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.lab.faults import Fault, Setting, clear_fault, list_faults, set_fault, strikes
from orchestrator.model.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


def test_no_file_is_no_fault(path: Path) -> None:
    assert list_faults(path) == ()
    assert not strikes(path, Fault.BUSY)


def test_what_is_set_is_listed_and_can_be_cleared(path: Path) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    slow = Setting(fault=Fault.SLOW, chance=0.5, until=until)
    set_fault(path, Setting(fault=Fault.SLOW))
    set_fault(path, Setting(fault=Fault.DEAD))
    set_fault(path, slow)
    assert list_faults(path) == (Setting(fault=Fault.DEAD), slow)
    clear_fault(path, Fault.DEAD)
    assert list_faults(path) == (slow,)
    clear_fault(path)
    assert list_faults(path) == ()


def test_a_fault_ends_at_its_time(path: Path) -> None:
    set_fault(path, Setting(fault=Fault.BUSY, until=datetime.now(UTC) - timedelta(seconds=1)))
    assert not strikes(path, Fault.BUSY)


@pytest.mark.parametrize(("chance", "low", "high"), [(0, 0, 0), (0.5, 50, 150), (1, 200, 200)])
def test_the_chance_is_drawn_for_each_action(
    path: Path, chance: float, low: int, high: int
) -> None:
    set_fault(path, Setting(fault=Fault.BUSY, chance=chance))
    assert low <= sum(strikes(path, Fault.BUSY) for _ in range(200)) <= high


@pytest.mark.parametrize(
    "setting",
    [
        Setting(fault=Fault.BUSY, chance=1.5),
        Setting(fault=Fault.BUSY, chance=-0.1),
        Setting(fault=Fault.BUSY, until=datetime(2031, 1, 1)),  # no time zone
    ],
)
def test_nonsense_is_refused(path: Path, setting: Setting) -> None:
    with pytest.raises(ConfigError):
        set_fault(path, setting)
    assert not path.exists()


def test_a_spoilt_file_is_named(path: Path) -> None:
    path.write_text('[{"fault": "haunted", "chance": 1, "until": null}]')
    with pytest.raises(ConfigError, match=r"faults\.json"):
        list_faults(path)

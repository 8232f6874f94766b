"""Two runs at once: each one's machines reach each other, and nobody of the other run.

The runs meet in their attempts' folders, which lie beside each other: neither looks before the
other's machines are in their VLAN, nor ends before the other has looked.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from member import Member

#: the other run may still be installing
_SECONDS = 3600.0
_LOOKED = "looked"


def hosts(folder: Path) -> list[Mapping[str, Any]]:
    """Return the machines of the attempt that has this folder; none before they are deployed."""
    file = folder / "hosts.json"
    return json.loads(file.read_text(encoding="utf-8"))["hosts"] if file.is_file() else []


def others() -> list[Path]:
    """Return the folders of the other run's attempts."""
    own = Path.cwd()
    found = own.parents[2].glob("*/vlan-pair-*/*")
    return [path for path in found if path.parents[1] != own.parents[1]]


def wait_for(found: Callable[[], list[Any]], what: str) -> list[Any]:
    """Return what is found, once anything is."""
    end = time.monotonic() + _SECONDS
    while not (seen := found()):
        assert time.monotonic() < end, f"no {what}"
        time.sleep(1)
    return seen


@pytest.fixture(scope="module")
def members() -> list[Member]:
    """The machines of this run."""
    return [Member(host) for host in hosts(Path.cwd())]


@pytest.fixture(scope="module")
def strangers() -> Iterator[list[str]]:
    """The addresses of the other run's machines; they stay until both runs have looked."""
    found = wait_for(lambda: [h for path in others() for h in hosts(path)], "other run's machines")
    yield sorted({str(host["member"]) for host in found})
    (Path.cwd() / _LOOKED).touch()
    wait_for(lambda: [path for path in others() if (path / _LOOKED).exists()], "other run's look")


def test_a_run_reaches_its_own_machines_only(members: list[Member], strangers: list[str]) -> None:
    """Whoever answers on the VLAN is of this run, while the other's answer each other there."""
    left, right = members
    assert left.finds(right.address)
    assert right.finds(left.address)
    assert len(strangers) == len(members)
    for member in members:
        assert not [address for address in strangers if member.finds(address)]
    assert left.finds(right.address), "the segment went away meanwhile"

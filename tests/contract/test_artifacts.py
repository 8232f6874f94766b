"""The law of the artifacts port, over the driver that keeps them in a folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.drivers.artifacts.folder import FolderArtifacts
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.errors import InfraError, OutOfTime
from orchestrator.ports.artifacts import Artifacts
from orchestrator.ports.clock import Deadline

KEY = "built/cp311-x86_64/nova-1a2b3c4d5e+9f8e7d.tar"
#: makes the file of KEY in the folder of argv: says `making`, then sleeps or writes
MAKER = f"""
import sys, time
from pathlib import Path
from orchestrator.drivers.artifacts.folder import FolderArtifacts
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.ports.clock import Deadline

def make(draft):
    draft.write_bytes(b"half")
    print("making", flush=True)
    time.sleep(float(sys.argv[2]))
    draft.write_bytes(b"whole")

store = FolderArtifacts(Path(sys.argv[1]))
print(store.have({KEY!r}, make, Deadline(SystemClock(), 60)).read_bytes().decode(), flush=True)
"""


def within(seconds: float = 60) -> Deadline:
    return Deadline(SystemClock(), seconds)


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return FolderArtifacts(tmp_path / "artifacts")


def never(draft: Path) -> None:
    raise AssertionError(f"{draft} must not be made")


def process(folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def said(maker: subprocess.Popen[str]) -> str:
    assert maker.stdout
    return maker.stdout.readline().strip()


def left(store: Artifacts) -> list[str]:
    found = Path(store.folder).rglob("*")
    return sorted(path.name for path in found if path.is_file() and not path.name.endswith(".lock"))


def test_made_once(store: Artifacts) -> None:
    first = store.have(KEY, lambda draft: draft.write_bytes(b"x") and None, within())
    assert first.read_bytes() == b"x"
    assert store.have(KEY, never, within()) == first
    assert left(store) == [Path(KEY).name]


def test_what_fails_is_not_kept(store: Artifacts) -> None:
    def fail(draft: Path) -> None:
        draft.write_bytes(b"half")
        raise LookupError("no compiler")

    with pytest.raises(LookupError, match="no compiler"):
        store.have(KEY, fail, within())
    assert left(store) == []
    assert store.have(KEY, lambda draft: draft.write_bytes(b"x") and None, within()).exists()


def test_whoever_asks_meanwhile_waits(store: Artifacts) -> None:
    with process(Path(store.folder), 1) as maker:
        assert said(maker) == "making"
        assert store.have(KEY, never, within()).read_bytes() == b"whole"


def test_a_wait_ends_with_its_deadline(store: Artifacts) -> None:
    with process(Path(store.folder), 60) as maker:
        assert said(maker) == "making"
        with pytest.raises(OutOfTime):
            store.have(KEY, never, within(0.5))
        maker.kill()


def test_a_killed_maker_leaves_nothing(store: Artifacts) -> None:
    with process(Path(store.folder), 60) as maker:
        assert said(maker) == "making"
        os.kill(maker.pid, signal.SIGKILL)
        maker.wait()
        made = store.have(KEY, lambda draft: draft.write_bytes(b"again") and None, within())
    assert made.read_bytes() == b"again"
    assert left(store) == [Path(KEY).name]


@pytest.mark.parametrize("key", ["", "../x", "a//b", "/a", "a/../b", ".hidden", "a b"])
def test_a_key_stays_in_the_folder(store: Artifacts, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        store.have(key, never, within())


def test_a_folder_that_cannot_be_had_is_ours(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file")
    with pytest.raises(InfraError, match="cannot be kept"):
        FolderArtifacts(tmp_path / "artifacts").have(KEY, never, within())


def test_many_at_once_make_it_once(store: Artifacts) -> None:
    makers = [process(Path(store.folder), 0.2) for _ in range(3)]
    began = time.monotonic()
    texts = [maker.communicate(timeout=120)[0].split() for maker in makers]
    assert sorted(map(len, texts)) == [1, 1, 2], f"{texts} after {time.monotonic() - began:.0f} s"

"""A store that another process keeps from being written: who waits is told which one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from orchestrator.drivers.store import engines
from orchestrator.drivers.store.database import Database
from orchestrator.drivers.store.holder import writer
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.errors import StoreAway
from tests.contract.storing import KINDS, database, enrol

#: a process that begins to write, and then does nothing
KEEPER = """
import sys
from orchestrator.drivers.store.database import Database
with Database(sys.argv[1]).write():
    print("writing", flush=True)
    sys.stdin.read()
"""


@contextmanager
def keeping(url: str) -> Iterator[int]:
    command = [sys.executable, "-c", KEEPER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"writing\n"
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_in_vain_is_told_who_writes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    with database(kind, tmp_path) as url:
        store = open_store(url)
        with keeping(url) as pid:
            with pytest.raises(StoreAway, match="is busy") as caught:
                enrol(store, 1)
            assert kind != "sqlite" or f"process {pid}, which may be stopped," in str(caught.value)
        enrol(store, 1)
        assert [node.name for node in store.nodes.all()] == ["n0"]
        store.database.close()


def test_nobody_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    assert writer(make_url(url)) is None
    store = open_store(url)
    assert writer(make_url(url)) is None
    with Database(url).write():
        assert writer(make_url(url)) is not None
    store.database.close()

"""A simulated machine's network boot: scripts that try again, jump and give up."""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.lab.board import Board
from orchestrator.lab.labdir import Endpoints, NodeDir
from orchestrator.lab.netboot import boot
from tests.unit.lab_rig import BootServer, boot_server

STUBBORN = """#!ipxe
set tries:int32 0
:again
imgfree
kernel {url}/linux a=${{tries}} || goto wait
initrd {url}/initrd.gz || goto wait
boot || goto wait
:wait
inc tries
iseq x${{tries}} x3 && exit 1 ||
echo again after ${{tries}}
sleep 5
goto again
"""


@pytest.fixture
def server() -> Iterator[BootServer]:
    with boot_server() as serving:
        serving.usual()
        yield serving


@pytest.fixture
def board(server: BootServer, tmp_path: Path) -> Board:
    state = {
        **{"subnet": 1, "nodes": 1, "speed": "max", "boot_url": server.url},
        **{"supervisor": os.getpid(), "started": 0},
    }
    (tmp_path / "lab.json").write_text(json.dumps(state))
    return Board(
        folder=NodeDir(lab=tmp_path, number=1),
        endpoints=Endpoints(bmc="127.0.0.2", host="127.0.0.3", mac="52:54:00:00:00:01"),
        speed=math.inf,
    )


def missing(server: BootServer, path: str, times: int) -> None:
    """Let the server not know `path` for the first `times` that it is asked."""
    answer = server.answer

    def absent(asked: str) -> bytes | None:
        page = answer(asked)
        return None if asked == path and server.fetched.count(path) <= times else page

    server.answer = absent  # type: ignore[method-assign]


def test_a_script_that_tries_again_boots_once_the_server_is_back(
    server: BootServer, board: Board, capfd: pytest.CaptureFixture[str]
) -> None:
    server.script = STUBBORN.format(url=server.url)
    missing(server, "/initrd.gz", times=2)
    assert boot(board) == "a=2"
    assert [path for path in server.fetched if "ipxe" not in path] == ["/linux", "/initrd.gz"] * 3
    assert "again after 1\r\nhttp" in capfd.readouterr().out


def test_a_script_that_gave_up_leaves_the_next_device_its_turn(
    server: BootServer, board: Board
) -> None:
    server.script = STUBBORN.format(url=server.url)
    missing(server, "/linux", times=9)
    assert boot(board) is None
    assert server.fetched.count("/linux") == 3


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("goto nowhere\nboot", "nowhere: No such label (script line 2)"),
        ("iseq a b\nboot", "iseq: a is not b"),
        ("kernel {url}/none\nboot", "Could not boot: No such file or directory"),
        ("kernel {url}/none && boot", "Could not boot: No such file or directory"),
        ("chain {url}/ipxe", "Too many levels of chained scripts"),
    ],
)
def test_a_failure_that_nothing_catches_ends_the_script(
    server: BootServer, board: Board, capfd: pytest.CaptureFixture[str], script: str, said: str
) -> None:
    server.script = "#!ipxe\n" + script.format(url=server.url)
    assert boot(board) is None
    assert said in capfd.readouterr().out


def test_what_follows_a_caught_failure_is_done(server: BootServer, board: Board) -> None:
    server.script = (
        f"#!ipxe\nkernel {server.url}/none ||\nkernel {server.url}/linux x=y || exit\n"
        f"initrd {server.url}/initrd.gz && boot || exit\n"
    )
    assert boot(board) == "x=y"

"""The real program as a process: the home's orchestrator, signals, pipes, a terminal."""

import fcntl
import json
import os
import pty
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from orchestrator.cli import embedded
from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from tests.unit.cli_orchestrator import PASSED, RED, Canned, announce, cell, run, serving

ROOT = Path(__file__).parent.parent.parent
PROGRAM = [sys.executable, "-m", "orchestrator"]
HEAVY = ("dbos", "ansible", "ansible_runner", "sqlalchemy", "fastapi", "openstack", "paramiko")


def environment(**changes: str) -> dict[str, str]:
    """Return ours without what would speak to somebody's own orchestrator."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SMOKETEST_")}
    return kept | changes


def typed(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Return what the program did."""
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def wait_until(true: Callable[[], object], what: str) -> None:
    """Return once it is true; fail after 20 s."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """Yield a home on which a process answers for an orchestrator, with a run that never ends."""
    command = [sys.executable, "-m", "tests.unit.cli_orchestrator", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until((tmp_path / "server.json").exists, "the server")
        yield tmp_path
    finally:
        process.kill()
        process.wait(20)


def test_help_loads_nothing_heavy_and_is_quick() -> None:
    code = "import sys, orchestrator.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(done.stdout.split())
    before = os.times().children_user
    assert typed("--help").returncode == 0
    assert os.times().children_user - before < 1.0  # 0.25 s of processor time when measured


def test_a_verb_finds_the_orchestrator_of_its_home_and_its_token(running: Path) -> None:
    home = str(running)
    assert json.loads(typed("show", "12", "--json", "--home", home).stdout)["run"] == 12
    assert typed("cancel", "12", SMOKETEST_HOME=home).returncode == 0
    wrong = typed("cancel", "12", "--home", home, SMOKETEST_TOKEN=secrets.token_hex(8))
    assert wrong.returncode == 2
    assert "SMOKETEST_TOKEN" in wrong.stderr


def test_the_homes_token_is_for_the_homes_server_only(running: Path) -> None:
    told = json.loads((running / "server.json").read_text())
    assert typed("cancel", "12", "--home", str(running), "--server", told["url"]).returncode == 0
    stranger = Canned()
    with serving(stranger) as url:
        assert typed("cancel", "12", "--home", str(running), "--server", url).returncode == 2
    assert stranger.asked


def test_an_empty_home_is_told_what_to_type(tmp_path: Path) -> None:
    home = tmp_path / "none"
    for words in (("runs",), ("show", "12"), ("watch", "12"), ("matrix",)):
        done = typed(*words, "--home", str(home))
        assert done.returncode == 2
        assert "smoketest run sample@trunk" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not home.exists()


def test_down_stops_what_runs_and_only_that(running: Path) -> None:
    told = json.loads((running / "server.json").read_text())
    first = typed("down", "--json", "--home", str(running))
    assert json.loads(first.stdout) == {"stopped": True, "pid": told["pid"]}
    again = typed("down", "--home", str(running))
    assert again.returncode == 0
    assert "nothing runs" in again.stdout


def test_the_number_of_a_dead_process_may_be_anothers_by_now(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:  # any sleep will do
        announce(tmp_path, "http://127.0.0.1:1", secrets.token_hex(8), bystander.pid)
        assert "nothing runs" in typed("down", "--home", str(tmp_path)).stdout
        assert bystander.poll() is None
        bystander.kill()


def test_up_refuses_a_second_orchestrator_on_a_home(running: Path) -> None:
    for detach in ((), ("--detach",)):
        done = typed("up", *detach, "--home", str(running))
        assert done.returncode == 2
        assert "smoketest down" in done.stderr


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = typed("run", "sample", "--home", str(tmp_path / "file" / "home"))
    assert done.returncode == 2
    assert "choose another with --home" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_the_run_going_and_says_how_to_come_back(running: Path) -> None:
    for words in (["run", "sample", "--wait"], ["watch", "12"], ["watch", "12", "--json"]):
        process = subprocess.Popen(
            [*PROGRAM, *words, "--home", str(running)],
            cwd=ROOT,
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stderr
        progress = process.stderr if "--json" in words else process.stdout
        assert "passed" in progress.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "smoketest watch 12" in err
        assert "smoketest cancel 12" in err
        assert "Traceback" not in err
        if "--json" in words:
            assert json.loads(out)["exit"] is None


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Yield an empty home; what is started on it is the process of canned answers."""
    monkeypatch.setattr(embedded, "MODULE", "tests.unit.cli_orchestrator")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.delenv("SMOKETEST_TOKEN", raising=False)
    home = tmp_path / "home"
    yield home
    embedded.stop(home)


def test_run_starts_the_lab_in_a_box_and_says_so(
    starting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carry_out(app, ["run", "sample@trunk", "--json", "--home", str(starting)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["run"] == 12
    assert "starting the lab in a box in the background" in said.err
    assert "`smoketest down`" in said.err
    assert carry_out(app, ["run", "sample@trunk", "--home", str(starting)]) == 0
    assert "starting" not in capsys.readouterr().err
    assert (starting / "starts").read_text() == "\n"


def test_a_killed_orchestrator_is_started_again_as_it_was(
    starting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    up = ["up", "--detach", "--lab", "some.toml", "--trust-code", "--home", str(starting), "--json"]
    assert carry_out(app, up) == 0
    told = json.loads(capsys.readouterr().out)
    os.kill(told["pid"], signal.SIGKILL)
    wait_until(lambda: not embedded.find(starting), "the kill")
    assert (starting / "server.json").exists()
    assert carry_out(app, ["runs", "--home", str(starting)]) == 0
    assert "starting the lab of" in capsys.readouterr().err
    first, second = (starting / "starts").read_text().splitlines()
    assert first == f"--lab {ROOT}/some.toml --trust-code"
    assert second == f"--lab {ROOT}/some.toml"


def test_two_commands_at_once_start_one_orchestrator(starting: Path) -> None:
    with ThreadPoolExecutor() as pool:
        starts = [
            pool.submit(embedded.start, starting, embedded.Up(), Console(stderr=True))
            for _ in range(3)
        ]
    assert len({start.result().pid for start in starts}) == 1
    assert len((starting / "starts").read_text().splitlines()) == 1


def test_an_up_that_does_not_answer_yet_is_waited_for(
    starting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starting.mkdir()
    with (starting / "lock").open("w") as lock, ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = pool.submit(carry_out, app, ["run", "sample", "--home", str(starting)])
        time.sleep(0.5)
        assert not asked.done()
        command = embedded.command(starting, embedded.Up(nodes=3))
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        assert asked.result(30) == 0
    assert (starting / "starts").read_text() == "--nodes 3\n"
    assert "run 12" in capsys.readouterr().out


def test_an_orchestrator_that_does_not_start_says_why(
    starting: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "MODULE", "tests.unit.absent")
    assert carry_out(app, ["run", "sample", "--home", str(starting)]) == 2
    said = capsys.readouterr().err
    assert "tests.unit.absent" in said
    assert str(starting / "server.log") in said


def test_an_orchestrator_that_never_answers_is_ended(
    starting: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "START_SECONDS", 0.01)
    assert carry_out(app, ["run", "sample", "--home", str(starting)]) == 3
    assert "no orchestrator answered" in capsys.readouterr().err
    here = str(starting)
    children = psutil.Process().children()
    wait_until(lambda: not [c for c in children if c.is_running() and here in _words(c)], "its end")


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_reader_that_leaves_the_pipe_gets_no_traceback() -> None:
    canned = Canned(steps=[run(PASSED, exit_status=0, number=n) for n in range(900, 400, -1)])
    with serving(canned) as url:
        process = subprocess.Popen(
            [*PROGRAM, "runs", "--server", url],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        said = process.stderr.read()
        assert process.wait(20) == 141
    assert b"Traceback" not in said


def test_ascii_terminals_get_ascii() -> None:
    with serving(Canned()) as url:
        done = typed("matrix", "--server", url, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "+ passed" in done.stdout
    assert "x failed" in done.stdout


def test_a_restart_of_the_orchestrator_is_waited_for(tmp_path: Path) -> None:
    """The second orchestrator of a home answers elsewhere, as after a kill."""
    pid = os.getpid()
    shown = [run(PASSED, cell("xenserver-flat"))]
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "orchestrator"]
    ) as process:
        pid = process.pid
        first = Canned(steps=shown)
        with serving(first) as url:
            announce(tmp_path, url, first.token, pid)
            watching = subprocess.Popen(
                [*PROGRAM, "watch", "12", "--home", str(tmp_path)],
                cwd=ROOT,
                env=environment(),
                stdout=subprocess.PIPE,
                text=True,
            )
            wait_until(lambda: len(first.asked) > 2, "the first polls")
        time.sleep(1)
        second = Canned(steps=[RED])
        with serving(second) as url:
            announce(tmp_path, url, second.token, pid)
            out, _ = watching.communicate(timeout=30)
        process.kill()
    assert watching.returncode == 1
    assert "create server: 500" in out


def test_a_terminal_gets_bars_and_then_the_summary() -> None:
    moving = run(PASSED, cell("xenserver-flat"))
    with serving(Canned(steps=[moving, moving, moving, RED])) as url:
        process, leader = _on_a_terminal("watch", "12", "--server", url)
        said = _read_all(leader)
        assert process.wait(20) == 1
    assert "━" in said
    assert "Ctrl-C leaves it going" in said
    assert "waits for a machine with xen" in said
    assert "run 12: the product failed" in said


def test_ctrl_c_gives_the_terminal_back() -> None:
    with serving(Canned(steps=[run(PASSED, cell("xenserver-flat"))])) as url:
        process, leader = _on_a_terminal("watch", "12", "--server", url)
        said = b""
        while "━".encode() not in said:
            said += os.read(leader, 65536)
        os.write(leader, b"\x03")
        rest = _read_all(leader)
        assert process.wait(20) == 130
    assert "\x1b[?25h" in rest, "the cursor stays hidden"
    assert "smoketest watch 12" in rest


def _on_a_terminal(*words: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the program on a real pseudo-terminal of its own; return it and our end."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "unit" / "cli_terminal.py"), *PROGRAM, *words],
        cwd=ROOT,
        env=environment(TERM="xterm-256color", COLUMNS="100", LINES="30"),
        stdout=follower,
        stderr=follower,
        stdin=follower,
        start_new_session=True,
    )
    os.close(follower)
    return process, leader


def _read_all(leader: int) -> str:
    found = b""
    while select.select([leader], [], [], 20)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        found += part
    os.close(leader)
    return found.decode(errors="replace")


def test_no_process_of_the_tests_is_left() -> None:
    ours = psutil.Process().children(recursive=True)
    assert not [p for p in ours if "tests.unit.cli_orchestrator" in " ".join(p.cmdline())]

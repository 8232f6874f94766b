"""The flight recorder: from events and logs to points on one time axis."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.files.flight import FolderFlightLog
from orchestrator.drivers.power.told import told
from orchestrator.model.errors import PowerError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.flight import Flight, Leg, Line, Mark, Track
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Bmc, BootDevice, Node, Provenance
from orchestrator.model.recorder import legs, of_console, of_events, placed, times_of, took_off
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Senses
from orchestrator.web.recorder import chart, link

BEGAN = datetime(2031, 5, 1, 12, tzinfo=UTC)
CONSOLE = (
    b"Lab BIOS 1.0\r\nPXE ROM, client MAC 52:54\nConfiguring (net0 52:54)...... ok\n"
    b"http://127.0.0.1/boot/ipxe... ok\n[*] Detecting disks...\n[*] Installing the base system...\n"
    b"Requesting system reboot\nPXE-E51: No DHCP offers\n"
)


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def _event(kind: Kind, stage: Stage, seconds: float, text: str = "", seq: int = 1) -> Event:
    return Event(kind=kind, stage=stage, text=text, at=_at(seconds), seq=seq)


def test_a_line_of_a_flight_log_is_read_as_it_was_written() -> None:
    line = Line(at=_at(1.25), track=Track.POWER, node="n01", text="power on: reads on (0.1 s)")
    assert Line.read(str(line)) == line
    assert Line.read(str(Line(at=_at(1), track=Track.PARTNER, node="", text="x"))) is not None
    for wrong in ("", "cut of", "2031-05-01T12:00:00 power n01 x", "now power n01 x"):
        assert Line.read(wrong) is None


def test_flight_logs_are_appended_to_and_never_hold_a_second_line(tmp_path: Path) -> None:
    log = FolderFlightLog(tmp_path, SystemClock())
    attempt = AttemptId("3/kvm-flat/1")
    log.tell(attempt, Track.POWER, "n01", "first")
    log.tell(attempt, Track.PARTNER, "", "forged\n2031-05-01T12:00:00Z power n01 forged\x1b[31m")
    lines = (tmp_path / attempt / "flight.log").read_text().splitlines()
    assert [line.split(" ", 1)[1][:18] for line in lines] == [
        "power n01 first",
        "partner - forged 2",
    ]


def test_stages_are_legs_and_one_under_way_has_no_end() -> None:
    events = (
        _event(Kind.STARTED, Stage.DEPLOY, 2),
        _event(Kind.FAILED, Stage.DEPLOY, 7),
        _event(Kind.STARTED, Stage.COLLECT, 8),
    )
    assert legs(events, BEGAN) == (
        Leg(stage="deploy", begin=2, end=7, bad=True),
        Leg(stage="collect", begin=8, end=None),
    )


def test_the_axis_begins_when_the_machines_are_given_and_not_in_the_queue() -> None:
    queued = _event(Kind.STARTED, Stage.LEASE, 0)
    assert took_off((queued,)) is None
    granted = _event(Kind.LEASED, Stage.LEASE, 900)
    assert took_off((queued, granted, _event(Kind.STARTED, Stage.PROVISION, 901))) == _at(900)
    assert took_off((queued, _event(Kind.STARTED, Stage.PARTNER, 30))) == _at(30)


def test_a_console_is_laid_on_the_axis_by_its_times() -> None:
    times = times_of(f"0 {_at(1).timestamp():.3f}\n60 {_at(5).timestamp():.3f}\nbroken\n12 x\n")
    assert [offset for offset, _ in times] == [0, 60]
    marks = list(of_console(CONSOLE, times, "console-n01.log", BEGAN))
    told = [(m.track, m.text, m.line, m.second) for m in marks]
    assert (Track.CONSOLE, "In its firmware", 1, 1.0) in told
    assert (Track.NETWORK, "Configuring (net0 52:54)...... ok", 3, 1.0) in told
    assert (Track.INSTALLER, "Installing the base system", 6, 5.0) in told
    assert [m.text for m in marks if m.bad] == ["PXE-E51: No DHCP offers"]
    assert {m.node for m in marks} == {"n01"}


def test_tasks_and_tests_lead_to_the_lines_of_their_logs() -> None:
    logs = {
        "deploy.log": "\nTASK [api : product: start] **\nok\n\nTASK [api : product: start] **\n",
        "smoke.log": "collected 2\ntest_a.py::test_x PASSED [ 50%]\ntest_a.py::test_y FAILED\n",
    }
    events = (
        _event(Kind.PROGRESS, Stage.DEPLOY, 1, "product: start [n01]"),
        _event(Kind.PROGRESS, Stage.DEPLOY, 2, "nobody's task [n01]"),
        _event(Kind.PROGRESS, Stage.SMOKE, 3, "test_a::test_x passed"),
        _event(Kind.PROGRESS, Stage.SMOKE, 4, "test_a::test_y failed", seq=9),
    )
    found = [(m.file, m.line, m.bad) for m in placed(of_events(events, BEGAN), logs)]
    assert found == [
        ("deploy.log", 2, False),
        ("", 0, False),
        ("smoke.log", 2, False),
        ("smoke.log", 3, True),
    ]


def _flight(attempt: str, seconds: float, *marks: Mark) -> Flight:
    stages = (
        Leg(stage="provision", begin=0, end=seconds / 2),
        Leg(stage="deploy", begin=seconds / 2, end=seconds),
    )
    return Flight(attempt=attempt, began=BEGAN, seconds=seconds, legs=stages, marks=marks)


def test_both_runs_share_one_axis_and_near_points_are_one_that_leads_to_what_is_wrong() -> None:
    mine = _flight(
        "4/a/1",
        10,
        Mark(track=Track.TESTS, second=4, text="one", file="smoke.log", line=3),
        Mark(track=Track.TESTS, second=4.01, text="two", bad=True, event=77),
        Mark(track=Track.POWER, second=9, text="off", node="n01", file="flight.log", line=1),
    )
    good = _flight("2/a/1", 20, Mark(track=Track.TESTS, second=10, text="one"))
    picture = chart(mine, good)
    rows = {row.track: row for row in picture.rows}
    (both,) = rows[Track.TESTS].dots
    assert (both.x, both.text, both.bad, both.count) == (20, "two", True, 2)
    assert both.href == "/cells/4/a#e-77"
    assert rows[Track.TESTS].good[0].x == 50
    assert rows[Track.POWER].dots[0].href == "/logs/4/a/1/flight.log?line=1#L1"
    assert [(c.stage, c.here, c.good) for c in picture.compared] == [
        ("provision", 5, 10),
        ("deploy", 5, 10),
    ]


def test_a_stage_alone_is_shown_from_its_own_start_in_both() -> None:
    mine = _flight("4/a/1", 10, Mark(track=Track.ANSIBLE, second=6, text="task"))
    good = _flight("2/a/1", 20, Mark(track=Track.ANSIBLE, second=11, text="task"))
    picture = chart(mine, good, "deploy")
    (row,) = picture.rows
    assert (row.dots[0].x, row.good[0].x) == (10, 10)
    assert chart(mine, good, "nonsense").zoom == ""
    assert link("4/a/1", Mark(track=Track.NOTES, second=0, text="", event=3)) == "/cells/4/a#e-3"


class _Strip:
    """A power driver whose node is dead."""

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        deadline.check()
        return bool(node.name)

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        deadline.check()
        raise PowerError(f"the BMC does not answer ({on})", node=node.name)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Set nothing."""


def test_power_commands_are_told_with_their_replies_and_errors() -> None:
    heard: list[str] = []
    secret = Secret("made-up")
    node = Node(
        name="n01",
        mac="52:54:00:00:00:01",
        bmc=Bmc(address="127.0.0.1", port=1, user="admin", password=secret),
        provenance=Provenance.SIMULATED,
        capabilities=frozenset(),
        address="127.0.0.1",
    )
    driver = told(_Strip(), lambda _node, text: heard.append(text))
    limit = Deadline(SystemClock(), 5)
    assert driver.is_on(node, limit)
    driver.boot_next(node, BootDevice.NETWORK, limit)
    with pytest.raises(PowerError):
        driver.set(node, limit, on=False)
    assert [text.rpartition(" (")[0] or text for text in heard[:2]] == [
        "power status?: on",
        "boot network next: is set",
    ]
    assert heard[2].startswith("power off: failed after 0.0 s: the BMC does not answer")
    assert not isinstance(driver, Senses)

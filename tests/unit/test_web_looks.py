"""How values look on a page, and what the matrix says about how things stand."""

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.node import NodeState, Provenance
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.model.view import CellView, Phases, RunView, Tally
from orchestrator.web import looks, timeline
from orchestrator.web.environment import TEMPLATES
from orchestrator.web.pulse import Machines, machines, pulse

NOW = datetime(2026, 11, 20, 14, 3, 7, tzinfo=UTC)


def _cell(arch: str, state: State = State.DONE, **changes: object) -> CellView:
    values: dict[str, object] = {
        "cell": f"1/{arch}",
        "arch": arch,
        "state": state,
        "stage": "deploy" if state is State.RUNNING else "",
        "verdict": Verdict.PASSED if state is State.DONE else None,
        "blame": None,
        "cause": "",
        "voting": True,
        "provenance": None,
        "attempts": 1,
        "phases": Phases(),
        "tests": Tally(),
        "nodes": (),
        "why": "",
        "url": "",
        "updated": None,
    }
    return CellView(**(values | changes))  # type: ignore[arg-type]


def _run(number: int, *cells: CellView, state: State = State.DONE) -> RunView:
    return RunView(
        run=number,
        repo="sample",
        ref="trunk",
        commit="1a2b3c4d5e",
        subject="",
        requester="ada",
        lane="asked",
        reason="",
        state=state,
        asked_at=NOW,
        exit=None,
        url="",
        cells=cells,
    )


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x00b\x08c\x9bd", "abcd"),
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        ("admin\u202egpj.exe", "admingpj.exe"),
        ("\x1b", ""),
    ],
)
def test_control_codes_are_left_out(dirty: str, shown: str) -> None:
    assert looks.clean(dirty) == shown
    assert TEMPLATES.from_string("{{ text }}").render(text=dirty) == shown


def test_markup_in_a_value_is_text() -> None:
    page = TEMPLATES.from_string('<a title="{{ text }}">{{ text }}</a>')
    shown = page.render(text='"><script>alert(1)</script>')
    assert "<script>" not in shown
    assert looks.clean(Markup("<b>ours</b>")) == "<b>ours</b>"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0.0 s"),
        (0.42, "0.4 s"),
        (12.4, "12 s"),
        (185, "3 min 05 s"),
        (59.7, "1 min 00 s"),
        (7800, "2 h 10 min"),
        (200000, "2 d 7 h"),
    ],
)
def test_spans(seconds: float, shown: str) -> None:
    assert looks.span(seconds) == shown


def test_ages_and_times() -> None:
    ages = [looks.age(NOW - timedelta(seconds=s), NOW) for s in (-5, 40, 200, 7300, 400000)]
    assert ages == ["now", "40 s", "3 min", "2 h", "4 d"]
    assert looks.stamp(NOW) == "2026-11-20 14:03:07 UTC"
    assert looks.clock(NOW) == "14:03:07"


def test_addresses_keep_hostile_names_inside() -> None:
    assert looks.path("cells", "12/kvm+xen") == "/cells/12/kvm+xen"
    assert looks.path("a", '"><b>?#%') == "/a/%22%3E%3Cb%3E%3F%23%25"


def test_faces_tell_stage_verdict_or_waiting() -> None:
    assert looks.face(_cell("a", State.RUNNING)) == looks.Face(kind="running", word="deploy")
    assert looks.face(_cell("a", State.WAITING)).word == "waiting"
    red = _cell("a", verdict=Verdict.FAILED, blame=Blame.PRODUCT)
    assert looks.face(red).kind == "failed"
    assert looks.outcome(_run(1, red, _cell("b"))).word == "failed"
    assert looks.outcome(_run(1, _cell("b"))).word == "passed"
    assert looks.outcome(_run(1, state=State.WAITING)).word == "waiting"


def test_the_pulse_answers_stuck_or_queued() -> None:
    tally = {
        (NodeState.IN_SERVICE, False): 1,
        (NodeState.IN_SERVICE, True): 1,
        (NodeState.QUARANTINED, False): 1,
        (NodeState.DRAINED, True): 1,
    }
    nodes = machines(tally, [Provenance.SIMULATED] * 4)
    busy = _cell("a", State.RUNNING, updated=NOW - timedelta(seconds=3))
    reasons = (("waits for 2 machines at once", 2),)
    found = pulse([busy], reasons, nodes, NOW)
    assert (found.word, found.alarming) == ("Queued, not stuck", False)
    assert (found.running, found.waiting) == (1, 2)
    assert found.machines == Machines(free=1, leased=2, out=1, provenance="simulated")
    assert found.reasons == reasons
    assert found.heard == busy.updated
    assert pulse([busy], (), nodes, NOW).word == "Running"
    assert pulse([], (), nodes, NOW).word == "Idle"


def test_the_pulse_is_alarmed_by_silence_and_by_a_queue_that_nobody_serves() -> None:
    silent = _cell("a", State.RUNNING, updated=NOW - timedelta(hours=1))
    found = pulse([silent], (), machines({}, ()), NOW)
    assert (found.word, found.alarming, found.silent) == ("Perhaps stuck", True, silent)
    assert pulse([], (("", 1),), machines({}, ()), NOW).alarming


def test_the_bar_is_filled_in_proportion() -> None:
    phases = Phases(lease=0.01, provision=30, deploy=60, smoke=10)
    spans = timeline.spans(phases)
    assert [(s.stage, s.x, s.width) for s in spans] == [
        ("provision", 0, 300),
        ("deploy", 300, 600),
        ("smoke", 900, 100),
    ]
    assert timeline.spans(Phases()) == ()
    live = timeline.Underway(stage="deploy", since=NOW - timedelta(seconds=10))
    spans = timeline.spans(Phases(provision=30), live, NOW)
    assert [(s.stage, s.x, s.width, s.live) for s in spans] == [
        ("provision", 0, 750, False),
        ("deploy", 750, 250, True),
    ]


def test_the_log_of_a_stage_is_found_among_the_files() -> None:
    files = ("collect/a.log", "console-n1.log", "junit.xml", "openstack.log", "smoke.log")
    assert timeline.log_of(files, "provision") == "console-n1.log"
    assert timeline.log_of(files, "deploy") == "openstack.log"
    assert timeline.log_of(files, "smoke") == "smoke.log"
    assert timeline.log_of(files, "lease") == timeline.log_of((), "smoke") == ""


def test_the_stage_under_way_is_the_one_that_did_not_end() -> None:
    begun = Event(kind=Kind.STARTED, stage=Stage.DEPLOY, at=NOW)
    ended = Event(kind=Kind.FINISHED, stage=Stage.DEPLOY, at=NOW)
    told = Event(kind=Kind.PROGRESS, stage=Stage.DEPLOY, at=NOW)
    found = timeline.underway([begun, told])
    assert found is not None
    assert (found.stage, found.since) == ("deploy", NOW)
    assert timeline.underway([begun, ended]) is None
    assert timeline.underway([]) is None

"""Deaths of deployments and of requests: captured logs of the services, and what they mean.

The captures in `deaths/` are of OpenStack's own programs, loggers and exceptions, at databases,
buses and drivers that failed them; only paths were changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.drivers.smoke import junit
from orchestrator.model import summary
from orchestrator.model.diagnosis import Diagnosis, of_deploy, of_test
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.logs import LogFile, blocks
from orchestrator.model.node import Access
from orchestrator.model.result import HostResult, Outcome, PlayResult, TaskOutcome, TestResult
from orchestrator.model.run import Task
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.ports.kit import Kit
from orchestrator.stages.collect import collect
from orchestrator.stages.verdict import judge
from tests.unit.test_stage_verdict import task

DEATHS = Path(__file__).with_name("deaths")
SPAWN, BIND, FORMAT, QUOTA, KEY = (
    f"req-77aa7c90-8f0e-4c7b-9d54-0b8f3f1f6a0{number}" for number in range(2, 7)
)
NO_HOST = "req-5a1e7c90-8f0e-4c7b-9d54-0b8f3f1f6a01"


def logs(*names: str) -> tuple[LogFile, ...]:
    return tuple(
        LogFile(node="n1", name=f"{name}.log", text=(DEATHS / f"{name}.log").read_text())
        for name in names
    )


GOOD = logs("nova-api", "nova-conductor", "nova-compute", "neutron-server")


def found(diagnosis: Diagnosis | None) -> tuple[str, str, Blame | None]:
    assert diagnosis is not None
    return diagnosis.service, diagnosis.sentence, diagnosis.blame


@pytest.mark.parametrize(
    ("name", "sentence", "blame"),
    [
        ("migration-raises", "migration failed (RuntimeError: this migration fails)", "product"),
        ("migration-refused", "table access_rule already exists)", "product"),
        ("bus-gone", "the message bus is gone (Connection failed: [Errno 111]", "infra"),
        ("api-not-up", "the service does not come up (", "product"),
    ],
)
def test_a_deploy_that_died_names_the_service_and_the_cause(
    name: str, sentence: str, blame: str
) -> None:
    service, said, whose = found(of_deploy(logs(name)))
    assert said.startswith(f"{name} on n1: ")
    assert sentence in said
    assert (service, whose) == (name, blame)


def test_what_services_stand_on_comes_before_what_that_led_to() -> None:
    assert "bus is gone" in found(of_deploy(logs("api-not-up", "bus-gone")))[1]
    assert found(of_test([*GOOD, *logs("bus-gone")], [SPAWN]))[2] is Blame.INFRA


def test_a_bus_that_came_back_is_not_gone() -> None:
    (gone,) = logs("bus-gone")
    back = "2026-11-28 19:13:09.000 9761 INFO oslo.messaging._drivers.impl_rabbit [-] [ab] "
    again = LogFile(node="n1", name="x.log", text=gone.text + back + "Reconnected to AMQP server\n")
    assert of_deploy([again]) is None
    assert of_deploy([LogFile(node="n1", name="x.log", text=again.text + gone.text)]) is not None


def test_a_bus_that_was_late_once_is_not_gone() -> None:
    """A service says when it tries again, and nothing when that succeeds."""
    late = (
        "2026-11-28 22:50:24.338 4021 ERROR oslo.messaging._drivers.impl_rabbit [-] Connection "
        "failed: timed out (retrying in 1.0 seconds): TimeoutError: timed out\n"
    )
    assert of_deploy([LogFile(node="n1", name="x.log", text=late)]) is None
    again = late + late.replace("1.0 seconds", "3.0 seconds")
    assert of_deploy([LogFile(node="n1", name="x.log", text=again)]) is not None


@pytest.mark.parametrize(
    ("request_id", "service", "sentence"),
    [
        (SPAWN, "nova-compute", "RuntimeError: spawn is broken on this branch"),
        (BIND, "nova-compute", "a port could not be bound to its host (nova.exception.PortBinding"),
        (FORMAT, "nova-compute", "the image's format was refused (nova.exception.ImageUnaccept"),
        (QUOTA, "nova-api", "a quota is too small for what the test asked for (Build refused: "),
        (KEY, "nova-api", "KeyError: 'fixed_ips'"),
        (NO_HOST, "nova-conductor", "the scheduler found no host for it (nova.exception.NoValid"),
    ],
)
def test_a_test_is_explained_by_the_log_of_its_own_request(
    request_id: str, service: str, sentence: str
) -> None:
    said = of_test(GOOD, [request_id])
    assert said is not None
    assert found(said)[0] == service
    assert said.sentence.startswith(f"{service} on n1: {sentence}")
    assert said.sentence.endswith(f"({request_id})")
    assert said.blame is None
    assert request_id in said.excerpt


def test_the_newest_request_that_failed_tells() -> None:
    unknown = "req-00000000-0000-4000-8000-000000000000"
    assert "spawn is broken" in found(of_test(GOOD, [unknown, SPAWN, KEY]))[1]
    assert of_test(GOOD, [unknown]) is None
    assert of_test(GOOD, []) is None
    assert of_deploy(()) is None


def test_a_traceback_is_one_block_and_a_long_one_is_cut_in_the_middle() -> None:
    (compute,) = logs("nova-compute")
    said = blocks(compute.text)
    assert [len(block.requests) for block in said] == [1, 1, 1]
    assert said[0].raised == "RuntimeError: spawn is broken on this branch"
    (refused,) = logs("migration-refused")
    loud = max(blocks(refused.text), key=lambda block: len(block.raw))
    assert len(loud.raw) > len(loud.excerpt().splitlines()) == 25


def test_of_a_programs_own_output_the_excerpt_is_around_what_tells() -> None:
    noise = [f"line {number}" for number in range(100)]
    dead = "WARN exited: ovn-controller (terminated by SIGSEGV; not expected)"
    text = "\n".join([*noise, dead, *noise])
    said = of_deploy([LogFile(node="n1", name="supervisor.log", text=text)])
    assert said is not None
    assert said.sentence == f"supervisor on n1: the service does not come up ({dead})"
    assert dead in said.excerpt
    assert len(said.excerpt.splitlines()) == 23


def test_a_service_that_cannot_be_imported_says_why() -> None:
    (log,) = logs("api-not-up")
    trace = (
        "Traceback (most recent call last):\n  File 'a.py', line 1\nImportError: no such symbol\n"
    )
    oops = "OOPS ! failed loading app in worker 1 (pid 1885)\n"
    said = of_deploy([LogFile(node="n1", name=log.name, text=trace + oops)])
    assert said is not None
    assert said.sentence.endswith("does not come up (ImportError: no such symbol)")


def test_any_text_is_read() -> None:
    noise = "\x00\x1b[31m\n\n ERROR \n[req-1]\n" + "x" * 5000 + "\n2026-11-28 19:12:49.371 1 ERROR"
    assert of_deploy([LogFile(node="n", name="a.log", text=noise)]) is None
    assert "\n".join(line for block in blocks(noise) for line in block.raw) == noise


def test_a_report_names_the_requests_of_its_failures(tmp_path: Path) -> None:
    text = f"boom\nRequest-ID: {SPAWN}\nthen {BIND} and {SPAWN} again"
    (tmp_path / "junit.xml").write_text(
        "<testsuite><testcase classname='c' name='t'>"
        f"<failure message='boom'>{text}</failure></testcase></testsuite>"
    )
    (result,) = junit.read(tmp_path / "junit.xml")
    assert result.requests == (SPAWN, BIND)


@dataclass
class Scene:
    """A stage's surroundings: kept files that are real, and a play that collects nothing more."""

    kit: Any
    task: Task

    def run(self) -> list[Event]:
        return list(collect(self.task, self.kit, Any))  # type: ignore[arg-type]


def scene(tmp_path: Path, names: Sequence[str], *past: Event) -> Scene:
    folder = tmp_path / "1" / "kvm-flat" / "1" / "logs" / "n1"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.log").write_text((DEATHS / f"{name}.log").read_text())

    class Play:
        def run(self, *_: object) -> PlayResult:
            return PlayResult(hosts=(HostResult(host="n1", outcome=TaskOutcome.OK),))

    class Vault:
        def one_time(self, _attempt: AttemptId, _name: str) -> Secret:
            return Secret("this branch")

    fields: Any = dict.fromkeys(Kit.__dataclass_fields__)
    given = {"deploy": Play(), "vault": Vault(), "files": FolderFiles(tmp_path)}
    kit: Any = Kit(**{**fields, **given})
    object.__setattr__(kit, "deploy", Play())

    class Arrived(Task):
        __slots__ = ()

        @property
        def access(self) -> Any:  # noqa: ANN401
            return ((None, Access),)

    bare = task(*past)
    values = {name: getattr(bare, name) for name in Task.__dataclass_fields__}
    return Scene(kit=kit, task=Arrived(**values))


def red(stage: Stage) -> Event:
    return Event(kind=Kind.FAILED, stage=stage, blame=Blame.PRODUCT, text="it failed")


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has no hypervisor that could be asked, and its play is not read."""
    monkeypatch.setattr(Kit, "play", lambda *_: None)
    monkeypatch.setattr(Kit, "face", lambda *_: "")


def test_a_red_test_gets_its_excerpt_and_the_cell_its_cause(tmp_path: Path) -> None:
    test = TestResult(name="boot", outcome=Outcome.FAILED, seconds=1, requests=(SPAWN,))
    fine = TestResult(name="list", outcome=Outcome.PASSED, seconds=1)
    tested = Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=(fine, test))
    here = scene(tmp_path, ["nova-compute", "nova-api"], tested, red(Stage.SMOKE))
    told = here.run()
    assert [event.kind for event in told] == [Kind.COLLECTED, Kind.DIAGNOSED]
    assert told[1].node == "n1"
    shown = summary.tests([*here.task.past, *told])
    assert [t.name for t in shown] == ["list", "boot"]
    assert "RuntimeError: spawn is broken on ******" in shown[1].excerpt
    ruling = judge(task(*here.task.past, *told))
    assert (ruling.verdict, ruling.blame) == (Verdict.FAILED, Blame.PRODUCT)
    assert ruling.cause.startswith("it failed; nova-compute on n1: RuntimeError: spawn is broken")
    assert "this branch" not in str(told)


def test_a_bus_that_is_gone_takes_the_blame_off_the_product(tmp_path: Path) -> None:
    here = scene(tmp_path, ["bus-gone"], red(Stage.DEPLOY))
    told = here.run()
    assert told[-1].excerpt
    ruling = judge(task(*here.task.past, *told))
    assert (ruling.verdict, ruling.blame, ruling.suspects) == (Verdict.BROKEN, Blame.INFRA, ())
    assert "bus-gone on n1: the message bus is gone" in ruling.cause


def test_green_and_unexplained_reds_are_left_as_they_are(tmp_path: Path) -> None:
    assert [e.kind for e in scene(tmp_path / "a", ["bus-gone"]).run()] == [Kind.COLLECTED]
    here = scene(tmp_path / "b", ["neutron-server"], red(Stage.SMOKE))
    assert [e.kind for e in here.run()] == [Kind.COLLECTED]

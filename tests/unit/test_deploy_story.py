"""How a play's events become progress, a log and a result."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.drivers.deploy.ansible import Watch
from orchestrator.drivers.deploy.story import Story, complaint, mistaken
from orchestrator.model.errors import ConfigError
from orchestrator.model.result import HostResult, TaskOutcome
from orchestrator.ports.clock import Deadline
from orchestrator.stages.deploy import raise_for


def tell(*events: Mapping[str, Any]) -> tuple[Story, list[str], list[str]]:
    told: list[str] = []
    log: list[str] = []
    story = Story(
        hosts=["a", "b"],
        progress=told.append,
        write=log.append,
        hide=lambda text: text.replace("hunter2", "******"),
    )
    for event in events:
        assert story.take(event) is False
    return story, told, log


def event(kind: str, stdout: str = "", **data: object) -> Mapping[str, Any]:
    return {"event": kind, "stdout": stdout, "event_data": data}


def recap(**counts: Mapping[str, int]) -> Mapping[str, Any]:
    return event("playbook_on_stats", **counts)


def test_tasks_are_told_and_counted() -> None:
    story, told, log = tell(
        event("playbook_on_task_start", "TASK [install]", task="install"),
        event("runner_on_start", task="install", host="a"),
        event("runner_on_ok", "changed: [a]", task="install", host="a"),
        recap(changed={"a": 1}, ok={"a": 1, "b": 1}),
    )
    assert told == ["install [a]"]
    assert log == ["TASK [install]\n", "changed: [a]\n"]
    assert story.ended
    assert story.result().hosts == (
        HostResult(host="a", outcome=TaskOutcome.OK, changed=1),
        HostResult(host="b", outcome=TaskOutcome.OK),
    )


def test_the_last_failure_before_the_recap_counts() -> None:
    story, told, _ = tell(
        event("runner_on_failed", task="rescued", host="a", res={"msg": "first"}),
        event("runner_on_failed", task="final", host="a", res={"msg": "second"}),
        event("runner_on_failed", task="ignored", host="b", res={"msg": "x"}, ignore_errors=True),
        recap(failures={"a": 1}, changed={"a": 2}),
    )
    assert story.result().hosts == (
        HostResult(host="a", outcome=TaskOutcome.FAILED, changed=2, task="final", message="second"),
        HostResult(host="b", outcome=TaskOutcome.OK),
    )
    assert told == ["rescued [a] failed: first", "final [a] failed: second"]


def test_a_silent_host_is_unreachable() -> None:
    refused = "Task failed: Failed to connect to the host via ssh: warning\r\nConnection refused"
    story, _, _ = tell(
        event(
            "runner_on_unreachable", task="t", host="b", res={"unreachable": True, "msg": refused}
        ),
        recap(dark={"b": 1}),
    )
    ends = story.result()
    assert not ends.ok
    assert (ends.hosts[1].outcome, ends.hosts[1].message) == (
        TaskOutcome.UNREACHABLE,
        "Connection refused",
    )


def test_secrets_are_masked_wherever_they_leave() -> None:
    story, told, log = tell(
        event("runner_on_start", "TASK [hunter2]", task="hunter2", host="a"),
        event("runner_on_failed", task="use hunter2", host="a", res={"msg": "x" * 496 + "hunter2"}),
        event("verbose", "[ERROR]: hunter2 is wrong"),
        recap(failures={"a": 1}),
    )
    assert "hunter" not in repr((told, log, story.result(), story.error()))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["[ERROR]: the role 'x' was", "not found", "Origin: /books/site.yml:2:11", "", "1 -"],
            "/books/site.yml:2:11: the role 'x' was not found",
        ),
        (["[ERROR]: the playbook: x could not be found"], "the playbook: x could not be found"),
        (["ERROR! old words"], "old words"),
        (["Traceback", "  boom"], "Traceback boom"),
        ([], ""),
    ],
)
def test_why_a_play_did_not_run(lines: list[str], sentence: str) -> None:
    story, _, _ = tell(*(event("verbose", line) for line in lines))
    assert not story.ended
    assert story.error() == sentence


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"msg": "plain\nwords"}, "plain words"),
        ({"msg": "non-zero return code", "rc": 2, "stderr": "a\nb\nc\n"}, "b / c (exit status 2)"),
        ({"msg": "non-zero return code", "rc": 2, "stdout": "out"}, "out (exit status 2)"),
        (
            {
                "msg": "non-zero return code",
                "rc": 1,
                "stderr": "Shared connection to n closed.\r\n",
            },
            "non-zero return code (exit status 1)",
        ),
        (
            {"msg": "MODULE FAILURE", "rc": 1, "module_stderr": "no\npython"},
            "no / python (exit status 1)",
        ),
        ({"results": [{"failed": False}, {"failed": True, "msg": "item 2"}]}, "item 2"),
        ({"reason": "no such file"}, "no such file"),
        ({"censored": "hidden"}, "hidden"),
        ({"msg": "\x1b[31mred\x07"}, "[31mred"),
    ],
)
def test_what_a_failed_task_says(result: Mapping[str, Any], sentence: str) -> None:
    assert complaint(result) == sentence


@pytest.mark.parametrize(
    "message",
    [
        "Task failed: Finalization of task args for 'x' failed: Error while resolving value for "
        "'msg': 'nothing_here' is undefined",
        "Task failed: 'nothing_here' is undefined",
        "Task failed: Conditional result (True) was derived from value of type 'str' at 'b.yml:7'.",
        "Task failed: Error while evaluating conditional: Syntax error in expression: x",
        "Task failed: Finalization of task args for 'x' failed: Error while resolving value for "
        "'msg': Syntax error in template: No filter named 'nofilter'.",
        "missing required arguments: path",
        "Unsupported parameters for (ansible.builtin.file) module: nonsense.",
        "Could not find or access 'nothere.j2'\nSearched in:\n\t/books",
    ],
)
def test_a_mistake_in_the_play(message: str) -> None:
    assert mistaken({"msg": message})
    assert mistaken({"msg": "item", "results": [{"failed": True, "msg": message}]})
    story, _, _ = tell(
        event("runner_on_failed", task="product: x", host="a", res={"msg": message}),
        recap(failures={"a": 1}),
    )
    with pytest.raises(ConfigError, match=r"x failed on a: .*; mend the play"):
        raise_for(story.result())


@pytest.mark.parametrize(
    "message",
    [
        "Task failed: Error while resolving value for 'msg': object of type 'dict' has no "
        "attribute 'version'",
        "nova-prepare ended with status 1: Syntax error in template: x (nova-prepare.log)",
        "non-zero return code",
        "Task failed: Action failed: the link is gone",
        "",
    ],
)
def test_no_mistake_in_the_play(message: str) -> None:
    assert not mistaken({"msg": message, "stderr": "Task failed: 'x' is undefined"})


def test_what_was_asked_for_cannot_be_done() -> None:
    """A task that says so by its name is the asker's, and his alone to mend."""
    told = {"msg": "a cloud on several emulated machines is not there"}
    story, _, _ = tell(
        event("runner_on_failed", task="config: see the machines", host="a", res=told),
        event("runner_on_failed", task="product: migrate", host="b", res={"msg": "no table"}),
        recap(failures={"a": 1, "b": 1}),
    )
    with pytest.raises(ConfigError) as error:
        raise_for(story.result())
    assert str(error.value) == f"see the machines failed on a: {told['msg']}"


def test_a_role_that_is_not_there_is_a_mistake() -> None:
    assert mistaken({"reason": "the role 'no_such' was not found in /books/roles:/roles"})


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 29, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("task", "stopped"),
    [("cloud_code : shared: have the released wheels", False), ("cloud_code : install", True)],
)
def test_what_all_share_is_not_on_the_budget_of_the_first(task: str, *, stopped: bool) -> None:
    clock = Hand()
    watch = Watch(Deadline(clock, 60, what="deploy"))
    watch.hear(event("playbook_on_task_start", task=task))
    clock.sleep(100)
    assert watch.stopped() is stopped
    watch.hear(event("playbook_on_task_start", task="cloud_code : start the supervisor"))
    clock.sleep(50)
    assert watch.stopped() is stopped
    clock.sleep(20)
    assert watch.stopped()
    assert "deploy took longer than its 60 s" in str(watch.reason)


def test_what_all_share_has_an_end_too() -> None:
    clock = Hand()
    watch = Watch(Deadline(clock, 60, what="deploy"))
    watch.hear(event("playbook_on_task_start", task="shared: have the parts of the guest"))
    clock.sleep(86_400)
    assert watch.stopped()
    assert "have the parts of the guest took longer" in str(watch.reason)

"""Notices as CDEvents (cdevents.dev) in CloudEvents' JSON: what each change is there."""

from collections.abc import Mapping

from orchestrator.drivers.notify import wording
from orchestrator.model.errors import Bug
from orchestrator.model.notice import Change, Message, Moment
from orchestrator.model.verdict import Verdict

_VERSION = "0.4.1"
_TYPES = {
    Moment.QUEUED: "dev.cdevents.pipelinerun.queued.0.2.0",
    Moment.STARTED: "dev.cdevents.pipelinerun.started.0.2.0",
    Moment.FINISHED: "dev.cdevents.pipelinerun.finished.0.2.0",
}
_TESTED = "dev.cdevents.testsuiterun.finished.0.2.0"
#: what the specification calls the end of a pipeline's run, and that of a test suite's
_OUTCOMES = {Verdict.PASSED: "success", Verdict.FAILED: "failure"}
_TEST_OUTCOMES = {
    Verdict.PASSED: "pass",
    Verdict.FAILED: "fail",
    Verdict.BROKEN: "error",
    Verdict.CANCELLED: "cancel",
}


def events(message: Message, pages: str) -> tuple[dict[str, object], ...]:
    """Return the CloudEvents that tell of the message's one change, in their order.

    An attempt that decides its cell is the end of a test suite's run, too. Each event has the same
    id whenever the message is sent.
    """
    if len(message.changes) != 1:
        msg = f"{message.id} tells of {len(message.changes)} changes, where an event is one"
        raise Bug(msg)
    (change,) = message.changes
    pipeline = {
        "id": change.attempt,
        "source": pages,
        "type": "pipelineRun",
        "content": _content(change, pages),
    }
    made = [_event(message.id, _TYPES[change.moment], pipeline, change)]
    if change.decides and change.verdict in _TEST_OUTCOMES:
        made.append(_event(f"{message.id}_tests", _TESTED, _tested(change, pages), change))
    return tuple(made)


def _event(
    name: str, kind: str, subject: Mapping[str, object], change: Change
) -> dict[str, object]:
    when, source = change.at.isoformat(), subject["source"]
    context = {
        "version": _VERSION,
        "id": name,
        "source": source,
        "type": kind,
        "timestamp": when,
    }
    return {
        "specversion": "1.0",
        "id": name,
        "source": source,
        "type": kind,
        "time": when,
        "datacontenttype": "application/json",
        "data": {
            "context": context,
            "subject": subject,
            "customData": {"sha": change.sha, "ref": change.ref, "voting": change.voting},
        },
    }


def _content(change: Change, pages: str) -> dict[str, object]:
    content: dict[str, object] = {
        "pipelineName": f"{change.repo}/{change.arch}",
        "url": wording.address(change, pages),
    }
    if change.moment is Moment.FINISHED and change.ruling:
        content["outcome"] = _OUTCOMES.get(change.ruling.verdict, "error")
        content["errors"] = change.ruling.cause
    return content


def _tested(change: Change, pages: str) -> dict[str, object]:
    """Return the smoke suite's run: the arch is the environment that it ran in."""
    content: dict[str, object] = {
        "environment": {"id": change.arch, "source": pages},
        "testSuite": {
            "id": f"{change.repo}/{change.arch}",
            "uri": wording.address(change, pages),
        },
        "outcome": _TEST_OUTCOMES[change.verdict or Verdict.BROKEN],
    }
    if change.ruling and change.ruling.cause:
        content["reason"] = change.ruling.cause
    return {
        "id": f"{change.attempt}/smoke",
        "source": pages,
        "type": "testSuiteRun",
        "content": content,
    }

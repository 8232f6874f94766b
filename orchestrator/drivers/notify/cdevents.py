"""Notices as CDEvents (cdevents.dev) in CloudEvents' JSON: one event for each change."""

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
#: what the specification calls the end of a pipeline's run
_OUTCOMES = {Verdict.PASSED: "success", Verdict.FAILED: "failure"}


def event(message: Message, pages: str) -> dict[str, object]:
    """Return the CloudEvent that tells of the message's one change."""
    if len(message.changes) != 1:
        msg = f"{message.id} tells of {len(message.changes)} changes, where an event is one"
        raise Bug(msg)
    (change,) = message.changes
    kind = _TYPES[change.moment]
    when = change.at.isoformat()
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": pages,
        "type": kind,
        "time": when,
        "datacontenttype": "application/json",
        "data": {
            "context": {
                "version": _VERSION,
                "id": message.id,
                "source": pages,
                "type": kind,
                "timestamp": when,
            },
            "subject": {
                "id": change.attempt,
                "source": pages,
                "type": "pipelineRun",
                "content": _content(change, pages),
            },
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

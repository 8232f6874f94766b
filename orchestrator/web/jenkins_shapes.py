"""Our values in the shapes that Jenkins gives its own; times are in milliseconds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from orchestrator.model.event import Event, Kind
from orchestrator.model.job import RESULTS, Item, Job
from orchestrator.model.partner import Claim
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellDetail

Shape = dict[str, Any]

_MODEL = "hudson.model."
_COLOURS = {
    Claim.SUCCESS: "blue",
    Claim.UNSTABLE: "yellow",
    Claim.FAILURE: "red",
    Claim.ABORTED: "aborted",
    Claim.NOT_BUILT: "notbuilt",
}
_LASTS: Mapping[str, frozenset[Claim]] = {
    "lastCompletedBuild": frozenset(Claim),
    "lastStableBuild": frozenset({Claim.SUCCESS}),
    "lastSuccessfulBuild": frozenset({Claim.SUCCESS, Claim.UNSTABLE}),
    "lastFailedBuild": frozenset({Claim.FAILURE}),
    "lastUnstableBuild": frozenset({Claim.UNSTABLE}),
    "lastUnsuccessfulBuild": frozenset(Claim) - {Claim.SUCCESS},
}
_STATUSES = {
    Outcome.PASSED: "PASSED",
    Outcome.FAILED: "FAILED",
    Outcome.ERROR: "FAILED",
    Outcome.SKIPPED: "SKIPPED",
}
_RED = (Outcome.FAILED, Outcome.ERROR)
#: where a node is waited for, in words that clients know
WAITING = "waiting for a node"


def job_ref(base: str, job: Job, colour: str = "notbuilt") -> Shape:
    """Return the short form of a job."""
    return {
        "_class": f"{_MODEL}FreeStyleProject",
        "name": job.name,
        "url": f"{base}/job/{quote(job.name)}/",
        "color": colour,
    }


def build_ref(base: str, item: Item) -> Shape:
    """Return the short form of a build."""
    url = f"{base}/job/{quote(item.job)}/{item.run}/"
    return {"_class": f"{_MODEL}FreeStyleBuild", "number": item.run, "url": url}


def root(base: str, jobs: Iterable[Shape]) -> Shape:
    """Return what a Jenkins says of itself."""
    view = {"_class": f"{_MODEL}AllView", "name": "all", "url": f"{base}/"}
    return {
        "_class": f"{_MODEL}Hudson",
        "mode": "NORMAL",
        "description": "smoketest: each job is a reference architecture",
        "jobs": list(jobs),
        "primaryView": view,
        "views": [view],
        "quietingDown": False,
        "url": f"{base}/",
        "useCrumbs": True,
        "useSecurity": True,
    }


def parameters_of(job: Job) -> Shape:
    """Return the parameters that a job takes."""
    return {
        "_class": f"{_MODEL}ParametersDefinitionProperty",
        "parameterDefinitions": [
            {
                "_class": f"{_MODEL}StringParameterDefinition",
                "type": "StringParameterDefinition",
                "name": name,
                "description": "",
                "defaultParameterValue": _value(name, default),
            }
            for name, default in job.parameters.items()
        ],
    }


def job_shape(base: str, job: Job, builds: Sequence[tuple[Item, CellDetail]]) -> Shape:
    """Return a job with its builds, newest first."""
    known = [(build_shape(base, item, detail), item) for item, detail in builds if begun(detail)]
    ended = [(shape["result"], build_ref(base, item)) for shape, item in known if shape["result"]]
    refs = [build_ref(base, item) for _, item in known]
    asks = parameters_of(job)
    lasts = {
        name: next((ref for result, ref in ended if result in results), None)
        for name, results in _LASTS.items()
    }
    waits = next((item for item, detail in builds if not begun(detail)), None)
    return {
        **job_ref(base, job, _COLOURS[ended[0][0]] if ended else "notbuilt"),
        "fullName": job.name,
        "displayName": job.name,
        "fullDisplayName": job.name,
        "description": job.summary,
        "buildable": bool(job.arch),
        "inQueue": waits is not None,
        "queueItem": {"id": waits.run} if waits else None,
        "nextBuildNumber": max((item.run for item, _ in builds), default=0) + 1,
        "builds": [shape for shape, _ in known],
        "firstBuild": refs[-1] if refs else None,
        "lastBuild": refs[0] if refs else None,
        **lasts,
        **{"concurrentBuild": True, "disabled": False, "keepDependencies": False},
        **{"healthReport": [], "scm": {"_class": "hudson.scm.NullSCM"}},
        **{"upstreamProjects": [], "downstreamProjects": []},
        # Some clients look into the one, some into the other.
        **{"actions": [asks], "property": [asks]},
    }


def begun(detail: CellDetail) -> bool:
    """Return whether the build has left the queue: for good, whatever is tried again."""
    never = detail.cell.verdict is Verdict.CANCELLED and not detail.cell.nodes
    waits = detail.cell.state is State.WAITING and detail.cell.attempts < 2
    return not waits and not (never and detail.cell.attempts == 1 and not _worked(detail))


def _worked(detail: CellDetail) -> bool:
    return any(event.kind is Kind.FINISHED for event in detail.attempts[0].events)


def item_shape(base: str, job: Job, item: Item, detail: CellDetail) -> Shape:
    """Return a queue item: blocked while it waits, and left for good once it has begun."""
    waits = detail.cell.state is State.WAITING and not begun(detail)
    asked = ms(detail.run.asked_at)
    shape: Shape = {
        "_class": f"{_MODEL}Queue$BlockedItem" if waits else f"{_MODEL}Queue$LeftItem",
        "actions": _actions(item, detail),
        "blocked": waits,
        "buildable": False,
        "id": int(item.run),
        "inQueueSince": asked,
        "params": "".join(f"\n{name}={value}" for name, value in item.shown().items()),
        "stuck": False,
        "task": job_ref(base, job),
        "url": f"queue/item/{item.run}/",
        "why": (detail.cell.why or WAITING) if waits else None,
    }
    if waits:
        return shape | {"buildableStartMilliseconds": asked}
    started = begun(detail)
    return shape | {
        "cancelled": not started,
        "executable": build_ref(base, item) if started else None,
    }


def build_shape(base: str, item: Item, detail: CellDetail) -> Shape:
    """Return a build; its result is there from the very moment that it is over."""
    cell = detail.cell
    over = cell.state is State.DONE and cell.verdict is not None
    since = ms(detail.run.asked_at)
    until = ms(cell.updated) if over and cell.updated else since
    return {
        **build_ref(base, item),
        "actions": _actions(item, detail),
        "artifacts": [
            {"displayPath": name, "fileName": name.rpartition("/")[2], "relativePath": name}
            for name in files(detail)
        ],
        "building": not over,
        "inProgress": not over,
        "result": RESULTS[cell.verdict] if over and cell.verdict else None,
        "description": cell.cause or None,
        "displayName": f"#{item.run}",
        "fullDisplayName": f"{item.job} #{item.run}",
        "duration": max(0, until - since),
        "estimatedDuration": -1,
        "executor": None,
        "id": str(item.run),
        "keepLog": True,
        "queueId": int(item.run),
        "timestamp": since,
        "builtOn": ", ".join(cell.nodes),
        "changeSet": {"_class": "hudson.scm.EmptyChangeLogSet", "items": [], "kind": None},
        "culprits": [],
    }


def files(detail: CellDetail) -> tuple[str, ...]:
    """Return the files of the newest attempt."""
    return detail.attempts[-1].files if detail.attempts else ()


def report_shape(detail: CellDetail) -> Shape | None:
    """Return the test report, or None if nothing was tested.

    A product that failed before any test did is one red test, so that whoever asks us sees why.
    """
    cell = detail.cell
    tests = detail.attempts[-1].tests if detail.attempts else ()
    if cell.verdict is Verdict.FAILED and not any(test.outcome in _RED for test in tests):
        failed = TestResult(name="deploy", outcome=Outcome.FAILED, seconds=0, message=cell.cause)
        tests = (*tests, failed)
    if not tests or cell.state is not State.DONE:
        return None
    cases = [_case(cell.arch, test) for test in tests]
    count = {status: sum(c["status"] == status for c in cases) for status in _STATUSES.values()}
    seconds = sum(test.seconds for test in tests)
    suite = {"name": cell.arch, "duration": seconds, "timestamp": None, "cases": cases}
    return {
        "_class": "hudson.tasks.junit.TestResult",
        "duration": seconds,
        "empty": False,
        "failCount": count["FAILED"],
        "passCount": count["PASSED"],
        "skipCount": count["SKIPPED"],
        "suites": [suite],
    }


def console(detail: CellDetail) -> str:
    """Return the build's log: a line per event, which only grows."""
    events = sorted((e for a in detail.attempts for e in a.events), key=lambda event: event.seq)
    return "".join(map(_line, events))


def ms(when: datetime) -> int:
    """Return a time in Jenkins' milliseconds."""
    return int(when.timestamp() * 1000)


def _line(event: Event) -> str:
    """Return one line; it begins with a time, so that no line can be taken for JSON."""
    when = f"{event.at:%Y-%m-%dT%H:%M:%SZ}" if event.at else "-"
    words = (when, event.stage, event.kind, event.node, " ".join(event.text.split()))
    return " ".join(filter(None, words)) + "\n"


def _case(arch: str, test: TestResult) -> Shape:
    red = test.outcome in _RED
    return {
        "className": f"smoketest.{arch}",
        "name": test.name,
        "status": _STATUSES[test.outcome],
        "duration": test.seconds,
        "age": int(red),
        "failedSince": 0,
        "errorDetails": test.message if red else None,
        "errorStackTrace": test.message if red else None,
        "skipped": test.outcome is Outcome.SKIPPED,
        "skippedMessage": test.message if test.outcome is Outcome.SKIPPED else None,
        "stdout": None,
        "stderr": None,
    }


def _value(name: str, value: str) -> Shape:
    return {"_class": f"{_MODEL}StringParameterValue", "name": name, "value": value}


def _actions(item: Item, detail: CellDetail) -> list[Shape]:
    asker = detail.run.requester
    cause = {
        "_class": f"{_MODEL}Cause$UserIdCause",
        "shortDescription": f"Started by user {asker}",
        "userId": asker,
        "userName": asker,
    }
    given = [_value(name, value) for name, value in item.shown().items()]
    report = report_shape(detail)
    tested = [_counts(report)] if report else []
    return [
        {"_class": f"{_MODEL}ParametersAction", "parameters": given},
        {"_class": f"{_MODEL}CauseAction", "causes": [cause]},
        *tested,
    ]


def _counts(report: Shape) -> Shape:
    """Return what tells clients that there is a test report."""
    passed, failed, skipped = (report[f"{kind}Count"] for kind in ("pass", "fail", "skip"))
    return {
        "_class": "hudson.tasks.junit.TestResultAction",
        "failCount": failed,
        "skipCount": skipped,
        "totalCount": passed + failed + skipped,
        "urlName": "testReport",
    }

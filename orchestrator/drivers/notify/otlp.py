"""Traces for OpenTelemetry: each run a trace, with its attempts and their stages as spans.

Named as OpenTelemetry's conventions for CI/CD have it (`cicd.pipeline.*`), sent by OTLP over HTTP
to a collector that the lab file names. A span's id is made of what it is about, so that what is
sent again after a kill is the same span. The packages are an extra: `traces`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib import import_module
from types import ModuleType

from orchestrator.drivers.notify import outward, wording
from orchestrator.model.errors import ConfigError, Undelivered
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import RunId
from orchestrator.model.notice import Change, Message
from orchestrator.model.run import Cell, State
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Ruling, Verdict, exit_status
from orchestrator.ports.clock import Deadline
from orchestrator.ports.store import Events, Runs

_SDK = "opentelemetry.sdk.trace"
_ENCODER = "opentelemetry.exporter.otlp.proto.common.trace_encoder"
_RESULTS: Mapping[Verdict, str] = {
    Verdict.PASSED: "success",
    Verdict.FAILED: "failure",
    Verdict.BROKEN: "error",
    Verdict.CANCELLED: "cancellation",
    Verdict.SKIPPED: "skip",
}
#: of a run, by its exit status
_EXITS = ("success", "failure", "error", "error", "cancellation")
_TYPES: Mapping[Stage, str] = {Stage.SMOKE: "test", Stage.DEPLOY: "deploy"}
_ENDS = (Kind.FINISHED, Kind.FAILED)

Attributes = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time with a name, as it is sent."""

    #: what it is about, and what its parent is about; its id is made of that
    key: str
    parent: str
    name: str
    start: datetime
    end: datetime
    attributes: Attributes
    #: why it went wrong, or empty
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Sends the spans of attempts that ended to one collector."""

    #: the collector's address for traces, e.g. `http://127.0.0.1:4318/v1/traces`
    url: Secret
    events: Events
    runs: Runs
    #: where people reach the pages
    pages: str
    #: which orchestrator this is
    orchestrator: str
    #: sent as `Authorization: Bearer`; empty: nothing is sent
    token: Secret = field(default_factory=lambda: Secret(""))
    #: the address may lead into our own network
    inside: bool = False

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Send the spans of every attempt that the message tells of; a repeat sends the same."""
        body = encoded(
            {f"{self.orchestrator}:{change.run}": self.spans(change) for change in message.changes},
            {"service.name": "smoketest", "service.instance.id": self.orchestrator},
        )
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": "smoketest"}
        if token := self.token.reveal():
            headers["Authorization"] = f"Bearer {token}"
        answer = outward.post(self.url.reveal(), headers, body, deadline, inside=self.inside)
        if answer.status // 100 != 2:
            raise Undelivered(f"the collector answered {answer.status}")

    def spans(self, change: Change) -> tuple[Span, ...]:
        """Return the attempt's span and its stages'; and its run's, once that is over."""
        events = self.events.of(change.attempt)
        parent = f"run {change.run}"
        found = [_attempt(change, events, parent, wording.address(change, self.pages))]
        found += _stages(change, events)
        run = self.runs.run(RunId(change.run))
        if run.state is State.DONE:
            cells = self.runs.cells(run.id)
            found.append(_run(change, run.asked_at, cells, f"{self.pages}/runs/{change.run}"))
        return tuple(found)


def encoded(traces: Mapping[str, Sequence[Span]], resource: Attributes) -> bytes:
    """Return the spans by what their trace is about, as OTLP's protobuf.

    Raises `ConfigError` where the packages of the extra `traces` are not installed.
    """
    sdk, encoder = _module(_SDK), _module(_ENCODER)
    about = _module("opentelemetry.sdk.resources").Resource(resource)
    spans = [
        _readable(sdk, about, trace, span) for trace, found in traces.items() for span in found
    ]
    body: bytes = encoder.encode_spans(spans).SerializeToString()
    return body


def _readable(sdk: ModuleType, resource: object, trace: str, span: Span) -> object:
    api = _module("opentelemetry.trace")
    flags = api.TraceFlags(api.TraceFlags.SAMPLED)

    def context(key: str) -> object:
        return api.SpanContext(_id(trace, 16), _id(f"{trace}/{key}", 8), False, flags)  # noqa: FBT003

    bad = api.Status(api.StatusCode.ERROR, span.wrong)
    return sdk.ReadableSpan(
        name=span.name,
        context=context(span.key),
        parent=context(span.parent) if span.parent else None,
        resource=resource,
        attributes=span.attributes,
        kind=api.SpanKind.INTERNAL if span.parent else api.SpanKind.SERVER,
        status=bad if span.wrong else api.Status(api.StatusCode.UNSET),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end),
    )


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        msg = "OpenTelemetry is not installed; type: pip install 'smoketest-orchestrator[traces]'"
        raise ConfigError(msg) from error


def _id(text: str, size: int) -> int:
    """Return a number of so many bytes, the same for the same text, and never 0."""
    return int.from_bytes(sha256(text.encode()).digest()[:size], "big") or 1


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000


def _attempt(change: Change, events: Sequence[Event], parent: str, url: str) -> Span:
    times = [event.at for event in events if event.at] or [change.at]
    ruling = change.ruling or Ruling(verdict=Verdict.SKIPPED)
    return Span(
        key=change.attempt,
        parent=parent,
        name=change.arch,
        start=times[0],
        end=max(change.at, times[0]),
        attributes={
            "cicd.pipeline.task.name": change.arch,
            "cicd.pipeline.task.run.id": change.attempt,
            "cicd.pipeline.task.run.url.full": url,
            "cicd.pipeline.task.run.result": _RESULTS[ruling.verdict],
            "cicd.pipeline.task.type": "test",
            "smoketest.voting": change.voting,
            "smoketest.blame": str(ruling.blame or ""),
        },
        wrong=ruling.cause if ruling.verdict in {Verdict.FAILED, Verdict.BROKEN} else "",
    )


def _stages(change: Change, events: Sequence[Event]) -> list[Span]:
    """Return a span for each stage that began and ended."""
    begun: dict[Stage, datetime] = {}
    found: list[Span] = []
    for event in events:
        if event.at and event.kind is Kind.STARTED:
            begun.setdefault(event.stage, event.at)
        elif event.at and event.kind in _ENDS and event.stage in begun:
            found.append(_stage(change, event, begun.pop(event.stage), event.at))
    return found


def _stage(change: Change, end: Event, start: datetime, at: datetime) -> Span:
    failed = end.kind is Kind.FAILED
    kind = {"cicd.pipeline.task.type": _TYPES[end.stage]} if end.stage in _TYPES else {}
    return Span(
        key=f"{change.attempt} {end.stage}",
        parent=change.attempt,
        name=end.stage,
        start=start,
        end=at,
        attributes={
            "cicd.pipeline.task.name": end.stage,
            "cicd.pipeline.task.run.id": f"{change.attempt}/{end.stage}",
            "cicd.pipeline.task.run.result": "failure" if failed else "success",
            **kind,
        },
        wrong=end.text if failed else "",
    )


def _run(change: Change, asked_at: datetime, cells: Sequence[Cell], url: str) -> Span:
    rulings = tuple(cell.ruling for cell in cells if cell.ruling and cell.arch.voting)
    exit_ = exit_status(rulings)
    times = [cell.updated for cell in cells if cell.updated]
    name = f"{change.repo}@{change.ref}"
    return Span(
        key=f"run {change.run}",
        parent="",
        name=f"RUN {name}",
        start=asked_at,
        end=max(times, default=asked_at),
        attributes={
            "cicd.pipeline.name": name,
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.run.id": str(change.run),
            "cicd.pipeline.run.url.full": url,
            "cicd.pipeline.result": _EXITS[exit_],
            "vcs.repository.name": change.repo,
            "vcs.ref.head.name": change.ref,
            "vcs.ref.head.revision": change.sha,
            "smoketest.lane": change.lane,
        },
        wrong="" if not exit_ else _EXITS[exit_],
    )

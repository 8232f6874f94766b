"""Traces for OpenTelemetry, received by a collector's own protobuf."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.otlp import Traces
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import Refused, Undelivered
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from tests.contract.storing import NOW, arch, ask, enrol, first_fit, judge, later, plan
from tests.contract.telling import PAGES, Receiver, change, message, receiver

RED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="two NICs")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(found, 2)
    ask(found, plan(arch("kvm")))
    found.queue.grant(first_fit, later(5))
    only = AttemptId("1/kvm/1")
    found.events.append(only, [Event(kind=Kind.FINISHED, stage=Stage.LEASE)], later(6))
    found.events.append(only, [Event(kind=Kind.STARTED, stage=Stage.SMOKE)], later(10))
    failed = Event(kind=Kind.FAILED, stage=Stage.SMOKE, text="2 of 9 tests failed")
    found.events.append(only, [failed], later(30))
    judge(found, only, RED)
    yield found
    found.database.close()


def _traces(store: Store, url: str, **changes: object) -> Traces:
    made = Traces(
        url=Secret(f"{url}/v1/traces"),
        events=store.events,
        runs=store.runs,
        pages=PAGES,
        orchestrator="0a1b2c",
        inside=True,
    )
    return replace(made, **changes)


def _told() -> object:
    return message(change(arch="kvm", ruling=RED, at=later(60)), recipient="")


def _spans(taken: Receiver) -> dict[str, object]:
    body = ExportTraceServiceRequest.FromString(taken.posts[-1][1])
    found = [span for r in body.resource_spans for s in r.scope_spans for span in s.spans]
    return {span.name: span for span in found}


def _said(span: object) -> dict[str, object]:
    return {pair.key: pair.value.string_value for pair in span.attributes}  # type: ignore[attr-defined]


def _deadline() -> Deadline:
    return Deadline(SystemClock(), 10)


def test_a_run_is_a_trace_by_the_conventions_for_cicd(store: Store) -> None:
    with receiver() as taken:
        _traces(store, taken.url).deliver(_told(), _deadline())
        spans = _spans(taken)
    run, cell, smoke = spans["RUN nova@trunk"], spans["kvm"], spans["smoke"]
    assert {span.trace_id for span in spans.values()} == {run.trace_id}
    assert (run.parent_span_id, cell.parent_span_id) == (b"", run.span_id)
    assert (smoke.parent_span_id, spans["lease"].parent_span_id) == (cell.span_id, cell.span_id)
    assert (smoke.end_time_unix_nano - smoke.start_time_unix_nano) == 20_000_000_000
    assert run.start_time_unix_nano == int(NOW.timestamp() * 1_000_000) * 1000
    assert run.kind == run.SPAN_KIND_SERVER
    assert _said(run) | {
        "cicd.pipeline.name": "nova@trunk",
        "cicd.pipeline.action.name": "RUN",
        "cicd.pipeline.run.id": "1",
        "cicd.pipeline.result": "failure",
        "cicd.pipeline.run.url.full": f"{PAGES}/runs/1",
        "vcs.ref.head.name": "trunk",
    } == _said(run)
    assert _said(cell) | {
        "cicd.pipeline.task.name": "kvm",
        "cicd.pipeline.task.run.id": "1/kvm/1",
        "cicd.pipeline.task.run.result": "failure",
        "cicd.pipeline.task.run.url.full": f"{PAGES}/cells/1/kvm",
    } == _said(cell)
    assert (smoke.status.code, smoke.status.message) == (2, "2 of 9 tests failed")


def test_what_is_sent_again_is_the_same_span(store: Store) -> None:
    with receiver() as taken:
        traces = _traces(store, taken.url)
        traces.deliver(_told(), _deadline())
        first = {name: span.span_id for name, span in _spans(taken).items()}
        traces.deliver(_told(), _deadline())
        assert {name: span.span_id for name, span in _spans(taken).items()} == first


def test_the_collectors_token_is_shown_and_its_no_is_tried_again(store: Store) -> None:
    token = Secret(secrets.token_hex(8))
    with receiver() as taken:
        traces = _traces(store, taken.url, token=token)
        traces.deliver(_told(), _deadline())
        assert taken.posts[-1][0]["authorization"] == f"Bearer {token.reveal()}"
        taken.answers.append(503)
        with pytest.raises(Undelivered, match="503"):
            traces.deliver(_told(), _deadline())


def test_no_address_inside_our_network_unless_it_is_said(store: Store) -> None:
    with receiver() as taken, pytest.raises(Refused):
        _traces(store, taken.url, inside=False).deliver(_told(), _deadline())

"""Values survive the store."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator.drivers.store import codec
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import Bug
from orchestrator.model.event import Event, Kind
from orchestrator.model.ids import AttemptId
from orchestrator.model.offer import Offer
from orchestrator.model.request import Request
from orchestrator.model.run import Plan
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Ruling
from tests.contract.storing import arch, ask, plan

# a busy machine is no reason to fail
_BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),
    max_value=datetime(2999, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
st.register_type_strategy(datetime, _TIMES)
st.register_type_strategy(float, st.floats(allow_nan=False))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.sqlite")
    yield opened
    opened.database.close()


@pytest.mark.parametrize("kind", [Plan, Request, Event, Ruling, Offer])
@given(data=st.data())
@settings(_BUSY, max_examples=60)
def test_a_value_comes_back_equal(kind: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert TypeAdapter(kind).validate_json(codec.encode(value)) == value


@_BUSY
@given(st.sets(st.text()))
def test_equal_values_have_one_text(names: set[str]) -> None:
    backwards = frozenset(sorted(names, reverse=True))
    assert codec.encode(frozenset(names)) == codec.encode(backwards)
    assert codec.names_from(codec.encode(backwards)) == names


@_BUSY
@given(_TIMES, _TIMES)
def test_times_come_back_and_sort_as_text(one: datetime, other: datetime) -> None:
    assert codec.instant(codec.stamp(one)) == one
    assert (codec.stamp(one) < codec.stamp(other)) == (one < other)


@given(data=st.data())
@settings(_BUSY, max_examples=25)
def test_a_plan_comes_back_from_the_store(store: Store, data: st.DataObject) -> None:
    drawn = data.draw(st.from_type(Plan))
    archs = tuple(replace(arch, name=f"a{n}") for n, arch in enumerate(drawn.archs))
    asked = replace(data.draw(st.from_type(Request)), key="")
    run = store.runs.add(asked, replace(drawn, archs=archs), {}, datetime.now(UTC))
    assert store.runs.plan(run.id) == replace(drawn, archs=archs)
    assert tuple(cell.arch for cell in store.runs.cells(run.id)) == archs
    assert (run.repo, run.ref, run.lane, run.reason) == (
        asked.repo,
        asked.ref,
        asked.lane,
        asked.reason,
    )


@given(events=st.lists(st.from_type(Event), max_size=5))
@settings(_BUSY, max_examples=25)
def test_events_come_back_from_the_store(store: Store, events: list[Event]) -> None:
    plain = [
        event for event in events if event.kind not in {Kind.FINISHED, Kind.FAILED, Kind.JUDGED}
    ]
    run = ask(store, plan(arch("kvm")))
    attempt = AttemptId(f"{run.id}/kvm/1")
    now = datetime.now(UTC)
    store.events.append(attempt, plain, now)
    _, *stored = store.events.of(attempt)
    assert stored == [
        replace(event, at=event.at or now, seq=kept.seq)
        for event, kept in zip(plain, stored, strict=True)
    ]


def test_a_secret_is_refused() -> None:
    word = secrets.token_hex()

    @dataclass(frozen=True)
    class Careless:
        password: Secret

    with pytest.raises(Bug, match="secret") as caught:
        codec.encode(Careless(Secret(word)))
    assert word not in str(caught.value)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Bug, match="no time zone"):
        codec.stamp(datetime(2026, 3, 1))


def test_half_a_character_does_not_spoil_its_row() -> None:
    event = Event(kind=Kind.NOTE, stage="smoke", text="caf\udce9 \x00 \u2028 \U0001f600")
    found = codec.EVENT.validate_json(codec.encode(event))
    assert found.text == "caf? \x00 \u2028 \U0001f600"

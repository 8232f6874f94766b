"""Values as text: JSON for the model's values, ISO 8601 for times."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row

from orchestrator.model.access import Token
from orchestrator.model.account import Pending, User
from orchestrator.model.arch import Arch
from orchestrator.model.errors import Bug
from orchestrator.model.event import Event
from orchestrator.model.job import Item
from orchestrator.model.lease import Why
from orchestrator.model.notice import Change
from orchestrator.model.offer import Offer
from orchestrator.model.partner import Delivery, Record
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.review import Watched
from orchestrator.model.secret import Secret
from orchestrator.model.summary import Summary
from orchestrator.model.verdict import Ruling

_ARCH = TypeAdapter(Arch)
CHANGE = TypeAdapter(Change)
DELIVERY = TypeAdapter(Delivery)
EVENT = TypeAdapter(Event)
FACTS = TypeAdapter(tuple[tuple[str, str], ...])
ITEM = TypeAdapter(Item)
_NAMES = TypeAdapter(frozenset[str])
OFFER = TypeAdapter(Offer)
OTHERS = TypeAdapter(tuple[Commit, ...])
RECORD = TypeAdapter(Record)
RULING = TypeAdapter(Ruling)
SNAPSHOT = TypeAdapter(Snapshot)
SUMMARY = TypeAdapter(Summary)
WATCHED = TypeAdapter(Watched)
WHY = TypeAdapter(Why)
TOKEN = TypeAdapter(Token)
USER = TypeAdapter(User)
PENDING = TypeAdapter(Pending)

#: what an event's text may hold, each with the value that goes without saying
_USUAL: Final = tuple((f.name, f.default) for f in fields(Event) if f.name not in {"at", "seq"})


def encode(value: object) -> str:
    """Return the value as JSON, always the same for equal values.

    What UTF-8 cannot hold (half a character out of a log) becomes `?`: a text that cannot be read
    back would hide everything around it.
    """
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def event_text(event: Event) -> str:
    """Return the event as JSON for its row, without what is as usual: most of an event is.

    Its time and position are columns of their own.
    """
    told = ((name, getattr(event, name), usual) for name, usual in _USUAL)
    return encode({name: value for name, value, usual in told if value != usual})


def event_from(row: Row[Any]) -> Event:
    """Return the event of a row that holds its value, time and position."""
    return replace(EVENT.validate_json(row.value), at=instant(row.at), seq=row.seq)


@lru_cache(maxsize=1024)
def arch_from(text: str) -> Arch:
    """Return the arch of a JSON text; archs are few and large, cells many."""
    return _ARCH.validate_json(text)


@lru_cache(maxsize=4096)
def names_from(text: str) -> frozenset[str]:
    """Return the names of a JSON text; racks are of few kinds of machines."""
    return _NAMES.validate_json(text)


@lru_cache(maxsize=1024)
def why_from(text: str) -> Why | None:
    """Return why an attempt waits, of a JSON text; None for an empty one."""
    return WHY.validate_json(text) if text else None


@lru_cache(maxsize=4096)
def ruling_from(text: str) -> Ruling:
    """Return the ruling of a JSON text; most are the same few."""
    return RULING.validate_json(text)


@lru_cache(maxsize=256)
def snapshot_from(text: str) -> Snapshot:
    """Return the snapshot of a JSON text; all cells of a run share one."""
    return SNAPSHOT.validate_json(text)


def stamp(at: datetime) -> str:
    """Return a time as text that sorts; raise `Bug` for one without a time zone."""
    if at.tzinfo is None:
        msg = f"the time {at} has no time zone"
        raise Bug(msg)
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def milliseconds(span: timedelta) -> int:
    """Return a length of time as the database's clock counts."""
    return int(span.total_seconds() * 1000)


def instant(text: str | None) -> datetime | None:
    """Return the time of a text made by `stamp`, None for None."""
    return datetime.fromisoformat(text) if text else None


def _plain(value: object) -> Mapping[str, object] | list[str] | str:
    """Return what JSON can hold in place of `value`."""
    if isinstance(value, Secret):
        msg = "a secret was about to be stored"
        raise Bug(msg)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, datetime):
        return stamp(value)
    msg = f"a {type(value).__name__} was about to be stored"
    raise Bug(msg)

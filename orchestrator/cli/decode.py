"""JSON to our frozen values and back; small, so that the command line starts fast."""

import json
import types
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from orchestrator.model.errors import ConfigError

T = TypeVar("T")


def decode(kind: type[T], data: object, where: str = "answer") -> T:
    """Return `data`, as read from JSON, as a value of `kind`; unknown fields are ignored.

    Raises `ConfigError` naming the place that does not fit.
    """
    return cast(T, _decode(kind, data, where))


def encode(value: object) -> str:
    """Return a dataclass, or plain JSON data that may hold some, as JSON text."""
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(kind: object, data: object, where: str) -> object:
    origin = get_origin(kind)
    if isinstance(kind, NewType):
        return _decode(kind.__supertype__, data, where)
    if origin in {types.UnionType, Union}:
        return _optional(kind, data, where)
    if origin is tuple:
        return _sequence(get_args(kind)[0], data, where)
    if not isinstance(kind, type):
        raise TypeError(kind)
    return (_value if is_dataclass(kind) else _scalar)(kind, data, where)


def _optional(kind: object, data: object, where: str) -> object:
    (inner,) = (option for option in get_args(kind) if option is not type(None))
    return None if data is None else _decode(inner, data, where)


def _sequence(kind: object, data: object, where: str) -> tuple[object, ...]:
    if not isinstance(data, list):
        raise _misfit(data, "a list", where)
    return tuple(_decode(kind, item, f"{where}[{i}]") for i, item in enumerate(data))


def _value(kind: type[Any], data: object, where: str) -> object:
    if not isinstance(data, dict):
        raise _misfit(data, f"the fields of {kind.__name__}", where)
    hints = _hints(kind)  # type: ignore[arg-type]  # mypy doubts that a class is hashable
    absent = [f.name for f in fields(kind) if f.name not in data and not _has_default(f)]
    if absent:
        raise _misfit(data, f"the field {absent[0]!r}", where)
    given = [field.name for field in fields(kind) if field.name in data]
    return kind(**{name: _decode(hints[name], data[name], f"{where}.{name}") for name in given})


def _scalar(kind: type[object], data: object, where: str) -> object:
    if issubclass(kind, (datetime, StrEnum)):
        return _worded(kind, data, where)
    number = isinstance(data, int) and not isinstance(data, bool)
    if kind is float and number:
        return data
    if not isinstance(data, kind) or (kind is int and not number):
        raise _misfit(data, kind.__name__, where)
    return data


def _worded(kind: type[object], data: object, where: str) -> object:
    try:
        return datetime.fromisoformat(str(data)) if kind is datetime else kind(data)  # type: ignore[call-arg]
    except ValueError as error:
        raise _misfit(data, kind.__name__, where) from error


@cache
def _hints(kind: object) -> dict[str, Any]:
    return get_type_hints(kind)


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _misfit(data: object, wanted: str, where: str) -> ConfigError:
    msg = (
        f"the server sent {str(data)[:60]!r} as {where}, where {wanted} was expected: "
        "is it of another version than this command?"
    )
    return ConfigError(msg)

"""A configuration file as it was written: values that know their file and line.

Readers of YAML and of TOML both make a tree of `Entry`; whoever takes a value out of it gets the
value checked, or a `ConfigError` that says `file:line: what is wrong; what to do`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from typing import Final, TypeVar

from orchestrator.model.errors import ConfigError

Scalar = str | int | float | bool | date | time | None
T = TypeVar("T")


class Missing:
    """Stands for a value that was not written."""


MISSING: Final = Missing()
_REQUIRED: Final = Missing()
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value of a file; every reader takes what to return when it was not written."""

    file: str
    #: counted from 1
    line: int
    #: as a person calls it, e.g. `roles.compute.count`; empty for the whole file
    name: str
    value: "Scalar | Mapping[str, Entry] | tuple[Entry, ...] | Missing"

    @property
    def source(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def written(self) -> bool:
        """Return whether the file says anything here."""
        return self.value is not MISSING

    def wrong(self, sentence: str) -> ConfigError:
        """Return the error to raise: `file:line: sentence`."""
        return ConfigError(f"{self.source}: {sentence}")

    def __getitem__(self, key: str) -> "Entry":
        """Return what `key` of this table holds, written or not."""
        found = self.value.get(key) if isinstance(self.value, Mapping) else None
        name = f"{self.name}.{key}" if self.name else key
        return found or Entry(file=self.file, line=self.line, name=name, value=MISSING)

    def table(self, *known: str) -> "Mapping[str, Entry]":
        """Return the keys and values; any key but `known` ones is refused, if these are given."""
        if self.value is MISSING:
            return {}
        if not isinstance(self.value, Mapping):
            raise self._mistyped("write keys with values")
        for key, entry in self.value.items():
            if known and key not in known:
                raise entry.wrong(f"unknown key `{entry.name}`; {hint(key, known)}")
        return self.value

    def items(self) -> "tuple[Entry, ...]":
        """Return the list's items; none when it was not written."""
        if self.value is MISSING:
            return ()
        if not isinstance(self.value, tuple):
            raise self._mistyped("write a list in [ ]")
        return self.value

    def text(self, default: str | Missing = _REQUIRED) -> str:
        """Return the text; an empty one is refused where one is required."""
        found = self._typed(str, "put it in quotes", default)
        if found == "" and default is _REQUIRED:
            raise self.wrong(f"`{self.name}` is empty; write it or remove it")
        return found

    def texts(self) -> tuple[str, ...]:
        """Return the list of texts; none when it was not written."""
        return tuple(item.text() for item in self.items())

    def flag(self, default: bool | Missing = _REQUIRED) -> bool:  # noqa: FBT001  # a value
        """Return the truth value."""
        return self._typed(bool, "write true or false", default)

    def number(self, default: float | Missing = _REQUIRED, *, least: float = 0) -> float:
        """Return the number, at least `least`."""
        found = self._typed((int, float), "write a number", default)
        return _at_least(self, float(found), least)

    def integer(self, default: int | Missing = _REQUIRED, *, least: int = 0) -> int:
        """Return the whole number, at least `least`."""
        return _at_least(self, self._typed(int, "write a whole number", default), least)

    def seconds(self, default: float | Missing = _REQUIRED) -> float:
        """Return the seconds of a time such as `45s`, `30m` or `1h`."""
        if self.value is MISSING and isinstance(default, int | float):
            return default
        match = _TIME.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None or not float(match[1]):
            raise self.wrong(f"`{self.name}` is no time; write for example 45s, 30m or 1h")
        return float(match[1]) * _UNITS[match[2]]

    def one_of(self, known: Collection[str], default: str | Missing = _REQUIRED) -> str:
        """Return the text, which must be one of `known`."""
        found = self.text(default)
        if found not in known:
            raise self.wrong(f"`{self.name}` is `{found}`, which is unknown; {hint(found, known)}")
        return found

    def _typed(self, kind: type[T] | tuple[type, ...], advice: str, default: T | Missing) -> T:
        if self.value is MISSING and not isinstance(default, Missing):
            return default
        # Python takes a truth value for a whole number.
        if not isinstance(self.value, kind) or (isinstance(self.value, bool) and kind is not bool):
            raise self._mistyped(advice)
        return self.value  # type: ignore[return-value]  # the line above saw to it

    def _mistyped(self, advice: str) -> ConfigError:
        if self.value is MISSING:
            return self.wrong(f"`{self.name}` is missing; add it")
        what = f"`{self.name}`" if self.name else "the file"
        # The value itself is not said: it may be a password in the wrong place.
        return self.wrong(f"{what} is {_kind(self.value)}; {advice}")


def hint(word: str, known: Collection[str]) -> str:
    """Return `did you mean ...?` for the most alike of `known`, or else name them all."""
    near = get_close_matches(word, known, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(f'`{name}`' for name in known)}" if known else "there are none"


def _at_least(entry: Entry, found: T, least: T) -> T:
    if not found >= least:  # type: ignore[operator]  # only numbers come here
        raise entry.wrong(f"`{entry.name}` is {found}; write at least {least}")
    return found


def _kind(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "a truth value"),
        ((int, float), "a number"),
        (str, "text"),
        ((date, time), "a date"),
        (Mapping, "a table"),
        (tuple, "a list"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), "empty")

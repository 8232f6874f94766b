"""The fence: nobody calls a driver of machines who does not have them (any more)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast

Driver = TypeVar("Driver")
Verb = TypeVar("Verb", bound=Callable[..., object])

_HARMLESS: Final = "__harmless__"


def harmless(verb: Verb) -> Verb:
    """Say of a port's verb that it reaches no machine, and changes nothing for one."""
    setattr(verb, _HARMLESS, True)
    return verb


def is_harmless(port: type, verb: str) -> bool:
    """Return whether the port says so of its verb."""
    return hasattr(getattr(port, verb, None), _HARMLESS)


@dataclass(frozen=True, slots=True)
class Fence:
    """Stands around drivers: whatever they do not know to be harmless asks `guard` first.

    A driver, a verb or a stage that is added needs no thought of it.
    """

    #: raises for who must not go on
    guard: Callable[[], None]

    def around(self, port: type, driver: Driver) -> Driver:
        """Return the driver of that port behind the fence."""
        return cast("Driver", _Fenced(port, driver, self.guard))

    def around_all(self, port: type, drivers: Mapping[str, Driver]) -> Mapping[str, Driver]:
        """Return the drivers of that port, each behind the fence."""
        return {name: self.around(port, driver) for name, driver in drivers.items()}


class _Fenced:
    """A driver whose verbs ask first."""

    __slots__ = ("_driver", "_guard", "_port")

    def __init__(self, port: type, driver: object, guard: Callable[[], None]) -> None:
        self._port = port
        self._driver = driver
        self._guard = guard

    def __getattr__(self, name: str) -> object:
        verb = getattr(self._driver, name)
        if is_harmless(self._port, name):
            return verb

        def asked(*given: object, **named: object) -> object:
            self._guard()
            return verb(*given, **named)

        return asked

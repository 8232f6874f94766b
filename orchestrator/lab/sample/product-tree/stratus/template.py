"""A stack's template: what requires what, and what its references stand for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stratus.web import Json, Refused

_REFERENCES = ("get_resource", "get_attr")


def requirements(resources: Mapping[str, Json]) -> dict[str, frozenset[str]]:
    """Return what each resource requires; raise `Refused` for strangers and for circles."""
    found = {
        name: frozenset((*_named(body.get("properties")), *_list(body.get("depends_on"))))
        for name, body in resources.items()
    }
    for name, needs in found.items():
        if strangers := sorted(needs - set(found)):
            raise Refused(400, f"{name} refers to {', '.join(strangers)}, which is not there")
    _refuse_circles(found)
    return found


def reverse(requires: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return by what each name is required: the order in which to take things down."""
    return {
        name: frozenset(other for other, needs in requires.items() if name in needs)
        for name in requires
    }


def filled(value: Any, refer: Callable[[str, list[Any]], object]) -> Any:  # noqa: ANN401  # JSON
    """Return the value with each reference replaced by what `refer(kind, words)` returns."""
    if isinstance(value, dict):
        kind = next(iter(value), "")
        if len(value) == 1 and kind in _REFERENCES:
            return refer(kind, _list(value[kind]))
        return {key: filled(below, refer) for key, below in value.items()}
    if isinstance(value, list):
        return [filled(item, refer) for item in value]
    return value


def _named(value: object) -> Iterator[str]:
    """Yield the resources that a value refers to."""
    names: list[str] = []
    filled(value, lambda _, words: names.append(words[0]))
    yield from names


def _list(value: Any) -> list[Any]:  # noqa: ANN401  # JSON
    return value if isinstance(value, list) else [] if value is None else [value]


def _refuse_circles(requires: Mapping[str, frozenset[str]]) -> None:
    done: set[str] = set()
    while left := set(requires) - done:
        free = {name for name in left if requires[name] <= done}
        if not free:
            raise Refused(400, f"{', '.join(sorted(left))} require each other in a circle")
        done |= free

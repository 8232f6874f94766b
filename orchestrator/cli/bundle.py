"""Options that travel together: a verb takes a dataclass, the command line sees its fields.

A verb is `def verb(session: Session, what: SomeDataclass) -> int | None`. Each field of such a
dataclass becomes an option or argument; `Session` brings the options that every verb has, which
may stand before the verb as well (`smoketest --json runs`).
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

import typer

from orchestrator.cli.session import Common, Session

Verb = Callable[..., int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """A parameter of a verb and the dataclass that its value is made of."""

    name: str
    made_of: type[Any]

    def parameters(self) -> Iterator[inspect.Parameter]:
        """Yield one keyword-only parameter per field."""
        source = Common if self.made_of is Session else self.made_of
        hints = get_type_hints(source, include_extras=True)
        for field in fields(source):
            yield _parameter(field.name, hints[field.name], _default(field))

    def take(self, values: dict[str, Any], context: typer.Context) -> object:
        """Return the value of the parameter, removing what it is made of from `values`."""
        if self.made_of is not Session:
            return self.made_of(
                **{field.name: values.pop(field.name) for field in fields(self.made_of)}
            )
        common = Common(**{field.name: values.pop(field.name) for field in fields(Common)})
        return Session.open(common.over(context.find_object(Common)))


def verb(function: Verb) -> Verb:
    """Return what Typer can register: `function` with its dataclasses taken apart."""
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    bundles = [
        _Bundle(name=n, made_of=t)
        for n, t in hints.items()
        if isinstance(t, type) and is_dataclass(t)
    ]
    contexts = [name for name, hint in hints.items() if hint is typer.Context]
    ours = {*contexts, *(bundle.name for bundle in bundles)}
    plain = [
        _parameter(name, hints[name], parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ours
    ]
    expanded = [
        p for bundle in bundles if bundle.made_of is not Session for p in bundle.parameters()
    ]
    shared = [p for bundle in bundles if bundle.made_of is Session for p in bundle.parameters()]

    @wraps(function)
    def registered(context: typer.Context, **values: object) -> int | None:
        made = {bundle.name: bundle.take(values, context) for bundle in bundles}
        made |= dict.fromkeys(contexts, context)
        return function(**made, **values)

    _declare(registered, [_parameter("context", typer.Context), *plain, *expanded, *shared])
    return registered


def _declare(function: Verb, parameters: list[inspect.Parameter]) -> None:
    """Give the function these parameters for whoever inspects it."""
    del function.__wrapped__  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


def _parameter(
    name: str, annotation: object, default: object = inspect.Parameter.empty
) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _default(field: Field[Any]) -> object:
    return inspect.Parameter.empty if field.default is MISSING else field.default

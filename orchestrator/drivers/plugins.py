"""Vendors' own drivers, found among the installed packages by their entry-point group."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from orchestrator.model.errors import ConfigError


def vendor_drivers(group: str) -> dict[str, Callable[[], Any]]:
    """Return each installed driver of `group` (e.g. `orchestrator.power`) by its name.

    Nothing is imported until one is called, which returns the driver, made without arguments, or
    raises `ConfigError` naming the package that is at fault.
    """
    return {entry.name: partial(_make, entry) for entry in entry_points(group=group)}


def _make(entry: EntryPoint) -> Any:  # noqa: ANN401  # whatever port the group is of
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"
    try:
        kind = entry.load()
        return kind()
    except (ImportError, SyntaxError, NameError, AttributeError, TypeError) as error:
        msg = (
            f"driver {entry.name!r} of {package} cannot be used: {entry.value}: {error};"
            " mend or uninstall the package"
        )
        raise ConfigError(msg) from error

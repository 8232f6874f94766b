"""Builds the search for BMCs, which needs no lab and no orchestrator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.discovery.sweep import NetworkDiscovery
from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret
from orchestrator.ports.discovery import Discovery


@contextmanager
def discovery() -> Iterator[Discovery]:
    """Yield what searches from this host; end its processes."""
    children = WarmChildren()
    try:
        yield NetworkDiscovery(children, SystemClock())
    finally:
        children.close()


def secret(reference: str) -> Secret:
    """Return what `env:NAME` or `file:PATH` refers to, as in a lab file; raise `ConfigError`."""
    kind, _, where = reference.partition(":")
    if kind == "env" and where:
        found = os.environ.get(where, "")
        if not found:
            raise ConfigError(f"the environment has no {where}; export the BMCs' password in it")
        return Secret(found)
    if kind == "file" and where:
        return _kept(Path(where).expanduser())
    msg = "--password takes no password, which others could read: write env:NAME or file:PATH"
    raise ConfigError(msg)


def _kept(path: Path) -> Secret:
    try:
        found, mode = path.read_text(encoding="utf-8").strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(f"{path}: {reason}; write the password into it, mode 0600") from error
    if mode & 0o077:
        raise ConfigError(f"others may read the password in {path}; type: chmod 600 {path}")
    if not found:
        raise ConfigError(f"{path} is empty; write the password into it")
    return Secret(found)

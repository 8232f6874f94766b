"""The management interface of a hypervisor, whatever it speaks."""

from typing import Protocol

from orchestrator.model.hypervisor import About, Login, Stray
from orchestrator.ports.clock import Deadline


class Hypervisor(Protocol):
    """Looks at a hypervisor and clears away what a branch left on it.

    Raises `Unreachable` when nothing of the protocol answers, or not with the pinned certificate;
    `Refused` of the login is `ConfigError`; `InfraError` for anything else that it says.
    """

    def about(self, login: Login, deadline: Deadline) -> About:
        """Log in and return what answers."""
        ...

    def strays(self, login: Login, deadline: Deadline) -> tuple[Stray, ...]:
        """Return guests, networks and datastores that no fresh install has."""
        ...

    def remove(self, login: Login, stray: Stray, deadline: Deadline) -> None:
        """Remove one; what is gone already is no fault."""
        ...

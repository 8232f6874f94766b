"""A simulated hypervisor that is served, and how to log in: what each driver's tests stand on."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.lab.hypervisors.served import Desk, serving
from orchestrator.model.hypervisor import Login
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline


class Simulator(Protocol):
    """What is served."""

    def desk(self) -> Desk: ...


S = TypeVar("S", bound=Simulator)


@dataclass(frozen=True, kw_only=True)
class Host(Generic[S]):
    """A simulated host, and how to log in."""

    simulator: S
    desk: Desk
    login: Login


@contextmanager
def hosted(make: Callable[[Secret], S], user: str, node: str) -> Iterator[Host[S]]:
    """Serve a simulator with a password of its own until the block is left."""
    password = Secret(secrets.token_hex(8))
    simulator = make(password)
    desk = simulator.desk()
    with serving(desk) as at:
        login = Login(
            address=at.address,
            port=at.port,
            user=user,
            password=password,
            certificate=at.certificate,
            node=node,
        )
        yield Host(simulator=simulator, desk=desk, login=login)


def soon(seconds: float = 60) -> Deadline:
    return Deadline(SystemClock(), seconds)

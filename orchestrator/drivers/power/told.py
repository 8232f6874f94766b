"""Power commands that are told, with their replies and how long those took."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from orchestrator.model.errors import SmoketestError
from orchestrator.model.node import BootDevice, Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power, Senses

Answer = TypeVar("Answer")
Tell = Callable[[Node, str], None]


class ToldPower:
    """Asks another driver, and tells what was asked and what came of it."""

    def __init__(self, driver: Power, tell: Tell) -> None:
        """Take the driver, and who is told."""
        self._driver = driver
        self._tell = tell

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered."""
        return self._told(
            node,
            "power status?",
            lambda: self._driver.is_on(node, deadline),
            lambda on: "on" if on else "off",
        )

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off."""
        word = "on" if on else "off"
        self._told(
            node,
            f"power {word}",
            lambda: self._driver.set(node, deadline, on=on),
            lambda _: f"reads {word}",
        )

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on boot from `device`."""
        self._told(
            node,
            f"boot {device} next",
            lambda: self._driver.boot_next(node, device, deadline),
            lambda _: "is set",
        )

    def _told(
        self,
        node: Node,
        command: str,
        act: Callable[[], Answer],
        reply: Callable[[Answer], str],
    ) -> Answer:
        began = monotonic()
        try:
            answer = act()
        except SmoketestError as error:
            self._tell(node, f"{command}: failed after {monotonic() - began:.1f} s: {error}")
            raise
        self._tell(node, f"{command}: {reply(answer)} ({monotonic() - began:.1f} s)")
        return answer


class _Sensing(ToldPower):
    """The same over a driver that reads sensors, which is not worth telling."""

    def __init__(self, driver: Power, tell: Tell, senses: Senses) -> None:
        super().__init__(driver, tell)
        self._senses = senses

    def sensors(self, node: Node, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """Return what the driver reads."""
        return self._senses.sensors(node, deadline)


def told(driver: Power, tell: Tell) -> Power:
    """Return the driver with its commands told; it reads sensors if the driver does."""
    return _Sensing(driver, tell, driver) if isinstance(driver, Senses) else ToldPower(driver, tell)

"""The machine under test: boots guests with its hypervisor, asks them, and sweeps up."""

import time
from ipaddress import IPv4Interface

import pytest
from guest import PORT, READY, Guest, Nic, Report, new_mac, new_name, parse
from hypervisor import Hypervisor
from node import Network, Node, NodeError

#: a guest under two layers of software emulation takes a minute
READY_SECONDS = 600.0
_ANSWER_SECONDS = 120.0
_POLL_SECONDS = 1.0


class Host:
    """A node, its hypervisor, and the guests that were booted there."""

    def __init__(self, node: Node, hypervisor: Hypervisor) -> None:
        """Have no guest yet."""
        self.node = node
        self.hypervisor = hypervisor
        self._guests: list[Guest] = []
        self._booted = 0

    def boot(self) -> Guest:
        """Return a new guest that was started, with a card on each network of the node."""
        place = self.node.place
        nics = tuple(
            Nic(mac=new_mac(), bridge=network.bridge, address=self._address(network))
            for network in place.networks
        )
        self._booted += 1
        guest = Guest(name=new_name(), kernel=place.kernel, initrd=place.initrd, nics=nics)
        self._guests.append(guest)
        self.hypervisor.boot(guest)
        return guest

    def wait(self, guest: Guest) -> None:
        """Return when the guest's console says that it is ready; fail with its last line."""
        give_up = time.monotonic() + READY_SECONDS
        while READY not in (shown := self.hypervisor.console(guest)):
            if time.monotonic() > give_up:
                last = ([line for line in shown.splitlines() if line.strip()] or ["nothing"])[-1]
                pytest.fail(
                    f"{guest.name} was not ready within {READY_SECONDS:.0f} s; its console shows "
                    f"{last!r} last{self.trail(guest)}",
                    pytrace=False,
                )
            time.sleep(_POLL_SECONDS)

    def ask(self, guest: Guest, nic: Nic | None = None) -> Report:
        """Return what the guest tells the node over its network; fail if it stays silent."""
        address = (nic or guest.nics[0]).ip
        give_up = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return parse(self.node.ask(address, PORT))
            except NodeError as error:
                last = error
            if time.monotonic() > give_up:
                pytest.fail(f"{last}{self.trail(guest)}", pytrace=False)
            time.sleep(_POLL_SECONDS)

    def trail(self, guest: Guest) -> str:
        """Return which logs to read about the guest, to end a sentence with."""
        return f" (see {self.hypervisor.log(guest)} in the logs of {self.node.place.name})"

    def clean_up(self) -> None:
        """Remove every guest; the first failure is raised after all were tried."""
        failed: NodeError | None = None
        while self._guests:
            try:
                self.hypervisor.remove(self._guests.pop())
            except NodeError as error:
                failed = failed or error
        if failed is not None:
            pytest.fail(f"cleaning up failed: {failed}", pytrace=False)

    def _address(self, network: Network) -> str:
        """Return the next guest's address: no two guests share one, not even in turn."""
        first = IPv4Interface(network.guest)
        return f"{first.ip + self._booted}/{first.network.prefixlen}"

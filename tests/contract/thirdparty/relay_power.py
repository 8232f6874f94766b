import socket

from orchestrator.model.errors import PowerDenied, PowerError, PowerUnchanged
from orchestrator.ports.power import BootDevice, Deadline, Node


class RelayPower:
    def is_on(self, node: Node, deadline: Deadline) -> bool:
        return self._ask(node, "power", deadline) == "on"

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        self._reach(node, "power", "on" if on else "off", deadline)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        self._reach(node, "boot", device.value, deadline)

    def _reach(self, node: Node, what: str, wanted: str, deadline: Deadline) -> None:
        lines = (what, f"{what} {wanted}", what)  # read, and only then: set, read again
        if wanted not in (self._ask(node, line, deadline) for line in lines):
            raise PowerUnchanged(f"{node.name}: {what} is still not {wanted}", node=node.name)

    def _ask(self, node: Node, line: str, deadline: Deadline) -> str:
        deadline.check()
        try:
            with socket.create_connection((node.bmc.address, node.bmc.port), 0.9) as strip:
                strip.sendall(f"{node.bmc.user} {node.bmc.password.reveal()} {line}\n".encode())
                return strip.makefile().readline().strip()
        except OSError as error:  # a relay strip hangs up on a wrong password
            kind = PowerDenied if isinstance(error, ConnectionResetError) else PowerError
            raise kind(f"{node.name}: {node.bmc.address}: {error}", node=node.name) from error

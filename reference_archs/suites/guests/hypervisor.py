"""What the tests ask of any hypervisor, and the choice of one."""

from typing import Protocol

from guest import Guest
from libvirt import Libvirt
from node import Node, NodeError
from xen import Xen


class Hypervisor(Protocol):
    """Runs guests on one node; every verb raises `NodeError` with a sentence when it fails."""

    def version(self) -> str:
        """Return what the running hypervisor says it is, `QEMU 7.2.22`."""
        ...

    def boot(self, guest: Guest) -> None:
        """Start the guest; do not wait until it is ready."""
        ...

    def console(self, guest: Guest) -> str:
        """Return all that the guest's console showed so far."""
        ...

    def attach(self, guest: Guest, device: str) -> None:
        """Give the running guest a block device of the node, by its path, as one more disk."""
        ...

    def detach(self, guest: Guest, device: str) -> None:
        """Take that disk away again."""
        ...

    def remove(self, guest: Guest) -> None:
        """Stop the guest at once and forget it; a guest that is not there is no error."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return every guest that runs or is defined."""
        ...

    def log(self, guest: Guest) -> str:
        """Return which of the node's logs tells more about the guest."""
        ...


def choose(kind: str, node: Node) -> Hypervisor:
    """Return the hypervisor that an arch's setting `hypervisor` names."""
    if kind == "kvm":
        return Libvirt(node)
    if kind == "xen":
        return Xen(node)
    msg = f"this suite cannot drive the hypervisor {kind!r}: write its class beside libvirt.py"
    raise NodeError(msg)

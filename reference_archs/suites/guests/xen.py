"""Xen, driven by its own `xl`: paravirtual guests, which need nothing of the processor."""

import json
import re
import time
from contextlib import suppress

from guest import Guest, Nic
from node import Node, NodeError

_LOGS = "/var/log/xen"
_VERSION = re.compile(r"^xen_version\s*:\s*(\S+)", re.MULTILINE)
_OURS = "Domain-0"
_DISK = "xvdb"
#: xl gives domain 0 and the guest ten seconds to agree on a disk, which a busy machine may miss
_TRIES, _PAUSE_SECONDS = 3, 2.0


class Xen:
    """Guests of the Xen that the node runs on."""

    def __init__(self, node: Node) -> None:
        """Take the node whose domain 0 we log in to."""
        self._node = node

    def version(self) -> str:
        """Return what the running hypervisor says it is."""
        said = self._xl("info")
        found = _VERSION.search(said)
        if not found:
            raise NodeError(f"xl names no running hypervisor: {' '.join(said.split())}")
        return f"Xen {found[1]}"

    def boot(self, guest: Guest) -> None:
        """Start the guest."""
        self._xl("create", "/dev/null", domain(guest))

    def console(self, guest: Guest) -> str:
        """Return all that the guest's console showed so far."""
        # The file may come a moment after the guest.
        name = f"guest-{guest.name}.log"
        return self._node.run(
            ["find", f"{_LOGS}/console", "-name", name, "-exec", "cat", "{}", "+"]
        )

    def attach(self, guest: Guest, device: str) -> None:
        """Give the running guest a block device of the node as one more disk."""
        for _ in range(_TRIES - 1):
            with suppress(NodeError):
                self._xl("block-attach", guest.name, disk(device))
                return
            with suppress(NodeError):  # of what it may have left half done
                self._xl("block-detach", guest.name, _DISK)
            time.sleep(_PAUSE_SECONDS)
        self._xl("block-attach", guest.name, disk(device))

    def detach(self, guest: Guest, device: str) -> None:
        """Take that disk away again."""
        del device  # xl knows disks by what the guest calls them
        self._xl("block-detach", guest.name, _DISK)

    def remove(self, guest: Guest) -> None:
        """Stop the guest at once; Xen remembers none that does not run."""
        if guest.name in self.names():
            self._xl("destroy", guest.name)

    def names(self) -> tuple[str, ...]:
        """Return every guest that runs."""
        rows = self._xl("list").splitlines()[1:]
        return tuple(name for row in rows if (name := row.split()[0]) != _OURS)

    def log(self, guest: Guest) -> str:
        """Return which of the node's logs tells more about the guest."""
        return f"xl-{guest.name}.log and guest-{guest.name}.log"

    def _xl(self, *words: str) -> str:
        return self._node.run(["xl", *words])


def domain(guest: Guest) -> str:
    """Return the settings of a paravirtual guest, as `xl create` reads them."""
    settings = {
        "name": guest.name,
        "type": "pv",
        "kernel": guest.kernel,
        "ramdisk": guest.initrd,
        "extra": f"console=hvc0 quiet panic=-1 {guest.arguments}",
        "memory": guest.memory_mib,
        "vcpus": 1,
        "vif": [_card(nic) for nic in guest.nics],
        "on_reboot": "destroy",
        "on_crash": "destroy",
    }
    # What JSON calls a string, a number or a list, xl does too.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def _card(nic: Nic) -> str:
    return f"mac={nic.mac},bridge={nic.bridge}"


def disk(device: str) -> str:
    """Return a block device of the node as a disk of a guest, as `xl block-attach` reads it."""
    return f"format=raw, vdev={_DISK}, access=rw, target={device}"

"""KVM, or QEMU alone where the node has no /dev/kvm, driven by libvirt's `virsh`."""

import re
from contextlib import suppress
from xml.sax.saxutils import escape, quoteattr

from guest import Guest, Nic
from node import Node, NodeError

_LOGS = "/var/log/libvirt/qemu"
_VERSION = re.compile(r"Running hypervisor: (.+)")
_DISK = "vdb"


class Libvirt:
    """Guests of the system's libvirt."""

    def __init__(self, node: Node) -> None:
        """Take the node that they run on."""
        self._node = node

    def version(self) -> str:
        """Return what the running hypervisor says it is."""
        said = self._virsh("version", "--daemon")
        found = _VERSION.search(said)
        if not found:
            raise NodeError(f"virsh names no running hypervisor: {' '.join(said.split())}")
        return found[1].strip()

    def boot(self, guest: Guest) -> None:
        """Start the guest."""
        self._virsh("define", "/dev/stdin", stdin=domain(guest, self._kind()))
        self._virsh("start", guest.name)

    def console(self, guest: Guest) -> str:
        """Return all that the guest's console showed so far."""
        return self._node.run(["cat", _console(guest)])

    def attach(self, guest: Guest, device: str) -> None:
        """Give the running guest a block device of the node as one more disk."""
        self._virsh("attach-device", guest.name, "/dev/stdin", "--live", stdin=disk(device))

    def detach(self, guest: Guest, device: str) -> None:
        """Take that disk away again."""
        self._virsh("detach-device", guest.name, "/dev/stdin", "--live", stdin=disk(device))

    def remove(self, guest: Guest) -> None:
        """Stop the guest at once and forget it."""
        with suppress(NodeError):  # it does not run
            self._virsh("destroy", guest.name)
        if guest.name in self.names():
            self._virsh("undefine", guest.name)

    def names(self) -> tuple[str, ...]:
        """Return every guest that runs or is defined."""
        return tuple(self._virsh("list", "--all", "--name").split())

    def log(self, guest: Guest) -> str:
        """Return which of the node's logs tells more about the guest."""
        return f"{guest.name}.log and {guest.name}-console.log"

    def _kind(self) -> str:
        """Return libvirt's word for what runs guests here: as its own host check sees it."""
        return "kvm" if "<domain type='kvm'" in self._virsh("capabilities") else "qemu"

    def _virsh(self, *words: str, stdin: str = "") -> str:
        return self._node.run(["virsh", "--connect", "qemu:///system", *words], stdin=stdin)


def domain(guest: Guest, kind: str) -> str:
    """Return the XML that defines a guest, `kind` being libvirt's: `kvm` or `qemu`."""
    return f"""<domain type={quoteattr(kind)}>
  <name>{escape(guest.name)}</name>
  <memory unit='MiB'>{guest.memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{escape(guest.kernel)}</kernel>
    <initrd>{escape(guest.initrd)}</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 {escape(guest.arguments)}</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <serial type='file'><source path={quoteattr(_console(guest))}/></serial>
    <memballoon model='none'/>
    <controller type='usb' model='none'/>
{"".join(map(_card, guest.nics))}  </devices>
</domain>
"""


def _card(nic: Nic) -> str:
    return f"""    <interface type='bridge'>
      <mac address={quoteattr(nic.mac)}/>
      <source bridge={quoteattr(nic.bridge)}/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
"""


def disk(device: str) -> str:
    """Return the XML of a block device of the node as a disk of a guest."""
    return f"""<disk type='block' device='disk'>
  <driver name='qemu' type='raw' cache='none'/>
  <source dev={quoteattr(device)}/>
  <target dev='{_DISK}' bus='virtio'/>
</disk>
"""


def _console(guest: Guest) -> str:
    return f"{_LOGS}/{guest.name}-console.log"

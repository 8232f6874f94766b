"""libvirt by its own command, virsh, run on the machine itself; no library is needed there."""

import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

from orchestrator.model.errors import InfraError
from orchestrator.model.hypervisor import About, Login, Stray, StrayKind
from orchestrator.ports.clock import Deadline

#: runs a command on the login's machine and returns what it prints; raises our errors
Run = Callable[[Login, str, Deadline], str]
#: networks and pools that a distribution makes
_OWN = frozenset({"default"})
_VERSION = "Running hypervisor: "


class VirshHypervisor:
    """Speaks to the libvirt of a machine; `uri` is its driver, e.g. `qemu:///system`."""

    def __init__(self, run: Run, uri: str = "qemu:///system") -> None:
        """Take what runs commands there, and which of libvirt's drivers to ask."""
        self._run = run
        self._uri = uri

    def about(self, login: Login, deadline: Deadline) -> About:
        """Return the hypervisor's name and version, and which kinds of guests it can run."""
        lines = self._virsh(login, deadline, "version").splitlines()
        said = next((line for line in lines if line.startswith(_VERSION)), "")
        product, _, version = said.removeprefix(_VERSION).partition(" ")
        if not version:
            raise InfraError(f"virsh on {login.node} told no version", node=login.node)
        capabilities = ElementTree.fromstring(  # noqa: S314  # libvirt's own document
            self._virsh(login, deadline, "capabilities")
        )
        kinds = (domain.get("type", "") for domain in capabilities.iter("domain"))
        return About(product=product, version=version, capabilities=tuple(sorted(set(kinds))))

    def strays(self, login: Login, deadline: Deadline) -> tuple[Stray, ...]:
        """Return domains, networks and pools that no distribution makes."""
        return tuple(self._left(login, deadline))

    def remove(self, login: Login, stray: Stray, deadline: Deadline) -> None:
        """Destroy and undefine it; each of both may have been done before."""
        words = {
            StrayKind.GUEST: ("destroy", "undefine"),
            StrayKind.NETWORK: ("net-destroy", "net-undefine"),
            StrayKind.STORE: ("pool-destroy", "pool-undefine"),
        }[stray.kind]
        # One connection: what is only in libvirt's memory must not be lost between the two.
        name = shlex.quote(stray.name)
        script = "; ".join(f"{word} {name}" for word in words)
        self._run(login, f"virsh -q -c {self._uri} {shlex.quote(script)} || true", deadline)
        if any(left == stray for left in self._left(login, deadline)):
            msg = f"{login.node} did not remove {stray.kind} {stray.name}"
            raise InfraError(msg, node=login.node)

    def _left(self, login: Login, deadline: Deadline) -> Iterator[Stray]:
        for kind, words in (
            (StrayKind.GUEST, "list --all --name"),
            (StrayKind.NETWORK, "net-list --all --name"),
            (StrayKind.STORE, "pool-list --all --name"),
        ):
            names = self._virsh(login, deadline, words).split("\n")
            for name in sorted({line.strip() for line in names} - {""}):
                if kind is StrayKind.GUEST or name not in _OWN:
                    yield Stray(kind=kind, name=name, ref=name)

    def _virsh(self, login: Login, deadline: Deadline, words: str) -> str:
        return self._run(login, f"virsh -q -c {self._uri} {words}", deadline)

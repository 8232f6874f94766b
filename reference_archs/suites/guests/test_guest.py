"""Guests: the hypervisor answers, boots one, and forgets it when it is told to."""

from guest import Guest
from host import Host


def test_hypervisor_answers(host: Host) -> None:
    """The hypervisor runs, and says its version."""
    version = host.hypervisor.version()
    assert any(map(str.isdigit, version)), f"{version!r} is no version"


def test_guest_boots(host: Host, guest: Guest) -> None:
    """A guest boots to its ready line, and its init missed nothing."""
    shown = host.hypervisor.console(guest).splitlines()
    missed = [line for line in shown if line.startswith("SMOKE no ")]
    assert not missed, f"{missed[0]}{host.trail(guest)}"


def test_guest_is_removed(host: Host) -> None:
    """A guest that is removed leaves neither its name nor its cards behind."""
    before = _ports(host)
    guest = host.boot()
    assert guest.name in host.hypervisor.names(), f"it is not listed{host.trail(guest)}"
    plugged = _ports(host) - before
    wanted = len(guest.nics)
    assert len(plugged) == wanted, f"{len(plugged)} of {wanted} cards plugged{host.trail(guest)}"
    host.hypervisor.remove(guest)
    assert guest.name not in host.hypervisor.names(), f"it is still listed{host.trail(guest)}"
    left = _ports(host) & plugged
    assert not left, f"the bridges keep {', '.join(sorted(left))}{host.trail(guest)}"


def _ports(host: Host) -> set[str]:
    """Return the ports of the bridges that guests are plugged in."""
    folders = [f"/sys/class/net/{network.bridge}/brif" for network in host.node.place.networks]
    return {line for line in host.node.run(["ls", *folders]).split() if not line.endswith(":")}

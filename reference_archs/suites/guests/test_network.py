"""Networks: a guest is reached on each, over the model that was deployed."""

import os

import pytest
from frames import heard
from guest import Guest
from host import Host


def test_guest_answers_on_every_network(host: Host, guest: Guest) -> None:
    """A guest answers a ping and TCP from its node, on each of its cards."""
    for nic in guest.nics:
        host.ask(guest, nic)
        host.node.run(["ping", "-c", "3", "-i", "0.3", "-W", "5", nic.ip])


def test_two_nics(host: Host, guest: Guest) -> None:
    """A guest sees two cards, by the MAC addresses that it was given."""
    wanted = {nic.mac for nic in guest.nics}
    seen = set(host.ask(guest).macs.values())
    assert len(wanted) == 2, "the node has not two networks to plug a guest in"
    assert seen == wanted, f"it sees {sorted(seen)} instead of {sorted(wanted)}{host.trail(guest)}"


def test_frames_leave_as_the_model_says(host: Host, guest: Guest) -> None:
    """What a guest sends to everybody leaves the node by its uplink, with the network's tag."""
    model = os.environ.get("SMOKETEST_NETWORK_MODEL", "flat")
    pairs = zip(guest.nics, host.node.place.networks, strict=True)
    leaving = [(nic, network) for nic, network in pairs if network.uplink]
    if not leaving:
        pytest.fail("no network of the node has an uplink; see the log of the deploy")
    for nic, network in leaving:
        tag = heard(host.node, network.uplink, nic)
        assert tag is not None, f"nothing of {nic.mac} leaves by {network.uplink}"
        wanted = network.vlan if model == "vlan" else 0
        assert tag == wanted, f"frames leave with tag {tag}, not {wanted}, on {network.bridge}"

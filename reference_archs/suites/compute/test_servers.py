"""Servers: they boot, answer, know their key, and are shut where they should be."""

import base64
import hashlib
import os
import secrets

from cloud import Cloud, Resource, greet, is_shut


def _public_key() -> tuple[str, str]:
    """Return a made-up public key and its fingerprint."""
    kind = b"ssh-ed25519"
    parts = (kind, secrets.token_bytes(32))
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    pairs = (digest[start : start + 2] for start in range(0, len(digest), 2))
    return f"{kind.decode()} {base64.b64encode(blob).decode()} smoke", ":".join(pairs)


def test_server_boots_and_answers(cloud: Cloud, image: Resource) -> None:
    """A server comes up under its own name, with the metadata it was given."""
    server = cloud.boot(image, cloud.open_group(), metadata={"purpose": "smoke"})
    guest = greet(cloud.address(server))
    assert guest["hostname"] == server.name, "the guest has another name than its server"
    assert guest["image"] == image.checksum, "the guest boots from another image"
    assert guest["metadata"] == {"purpose": "smoke"}, "the guest has other metadata"


def test_keypair_reaches_the_guest(cloud: Cloud, image: Resource) -> None:
    """The guest holds the key that its server was booted with."""
    key, fingerprint = _public_key()
    pair = cloud.keypair(key)
    assert pair.fingerprint == fingerprint, "the cloud computes another fingerprint"
    server = cloud.boot(image, cloud.open_group(), key_name=pair.name)
    guest = greet(cloud.address(server))
    assert guest["key_fingerprint"] == fingerprint, "the guest holds another key"


def test_security_group_shuts_and_opens(cloud: Cloud, image: Resource) -> None:
    """Nothing gets in before a rule lets it in."""
    group = cloud.group()
    server = cloud.boot(image, group)
    address = cloud.address(server)
    assert is_shut(address), "the guest answers although no rule lets anything in"
    cloud.let_in(group)
    assert greet(address)["hostname"] == server.name, "somebody else answers"


def test_every_network_reaches_its_servers(cloud: Cloud, image: Resource) -> None:
    """On each network, of the model asked for, a server has an address, and answers there."""
    group = cloud.open_group()
    for network in cloud.networks():
        kind = cloud.model(network)
        wanted = os.environ.get("SMOKETEST_NETWORK_MODEL", kind)
        assert kind in {None, wanted}, f"network {network.name} is {kind}, not {wanted} as deployed"
        server = cloud.boot(image, group, [network])
        address = cloud.address(server, network)
        guest = greet(address)
        assert guest["hostname"] == server.name, f"somebody else answers at {address}"


def test_two_nics(cloud: Cloud, image: Resource) -> None:
    """A server on two networks sees the MAC address of both, and answers on both."""
    networks = (cloud.networks() * 2)[:2]
    server = cloud.boot(image, cloud.open_group(), networks)
    cards = cloud.cards(server)
    assert len(cards) == len(networks), f"the server has {len(cards)} ports instead of 2"
    for address, mac in cards:
        guest = greet(address)
        seen = ", ".join(guest["macs"])
        assert mac in guest["macs"], f"no {mac} among the NICs {seen}"

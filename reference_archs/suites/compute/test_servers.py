"""Servers: they boot, answer, know their key, and are shut where they should be."""

import base64
import hashlib
import os
import secrets

from cloud import Cloud, Resource, is_shut, unique


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
    guest = cloud.greet(cloud.address(server))
    assert guest["hostname"] == server.name, "the guest has another name than its server"
    assert guest["metadata"] == {"purpose": "smoke"}, "the guest has other metadata"


def test_keypair_reaches_the_guest(cloud: Cloud, image: Resource) -> None:
    """The guest holds the key that its server was booted with."""
    key, fingerprint = _public_key()
    pair = cloud.api.compute.create_keypair(name=unique("key"), public_key=key)
    cloud.afterwards(lambda: cloud.api.compute.delete_keypair(pair))
    assert pair.fingerprint == fingerprint, "the cloud computes another fingerprint"
    server = cloud.boot(image, cloud.open_group(), key_name=pair.name)
    guest = cloud.greet(cloud.address(server))
    assert guest["key_fingerprint"] == fingerprint, "the guest holds another key"


def test_security_group_shuts_and_opens(cloud: Cloud, image: Resource) -> None:
    """Nothing gets in before a rule lets it in."""
    group = cloud.group()
    server = cloud.boot(image, group)
    address = cloud.address(server)
    assert is_shut(address), "the guest answers although no rule lets anything in"
    cloud.let_in(group)
    assert cloud.greet(address)["hostname"] == server.name, "somebody else answers"


def test_every_network_reaches_its_servers(cloud: Cloud, image: Resource) -> None:
    """On each network, of the model asked for, a server has an address, and answers there."""
    group = cloud.open_group()
    for network in cloud.networks():
        kind = network.provider_network_type
        wanted = os.environ.get("SMOKETEST_NETWORK_MODEL", kind)
        assert kind == wanted, f"network {network.name} is {kind}, not {wanted} as deployed"
        server = cloud.boot(image, group, [network])
        address = cloud.address(server, network)
        guest = cloud.greet(address)
        assert guest["hostname"] == server.name, f"somebody else answers at {address}"


def test_two_nics(cloud: Cloud, image: Resource) -> None:
    """A server on two networks sees the MAC address of both, and answers on both."""
    networks = (cloud.networks() * 2)[:2]
    server = cloud.boot(image, cloud.open_group(), networks)
    ports = list(cloud.api.network.ports(device_id=server.id))
    assert len(ports) == len(networks), f"the server has {len(ports)} ports instead of 2"
    for port in ports:
        guest = cloud.greet(port.fixed_ips[0]["ip_address"])
        seen = ", ".join(guest["macs"])
        assert port.mac_address in guest["macs"], f"no {port.mac_address} among the NICs {seen}"

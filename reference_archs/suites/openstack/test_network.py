"""Networks: servers with several cards, addresses that float, groups that keep out."""

from cloud import Cloud
from openstack.compute.v2.flavor import Flavor
from openstack.image.v2.image import Image
from roads import outside_network, road

FIRST, SECOND = "192.0.2.0/25", "192.0.2.128/25"


def test_two_cards(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server has an address on each of two networks, in the order that was asked for."""
    one, two = cloud.network(FIRST), cloud.network(SECOND)
    server = cloud.server(
        image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": one.id}, {"uuid": two.id}]
    )
    assert {one.name, two.name} == set(server.addresses)
    ports = list(cloud.connection.network.ports(device_id=server.id))
    assert {port.network_id for port in ports} == {one.id, two.id}
    assert all(port.binding_vif_type not in {"unbound", "binding_failed"} for port in ports)


def test_addresses_are_given_back(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A deleted server leaves no port behind."""
    network = cloud.network(FIRST)
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}])
    assert list(cloud.connection.network.ports(device_id=server.id))
    cloud.gone(server)
    assert not list(cloud.connection.network.ports(device_id=server.id))


def test_floating_ip(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server behind a router gets an address of the outside, and gives it back."""
    networks = cloud.connection.network
    outside = outside_network(cloud)
    router, inside = road(cloud)
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": inside.id}])
    port = next(networks.ports(device_id=server.id))
    floating = networks.create_ip(floating_network_id=outside.id, port_id=port.id)
    cloud.later(lambda: networks.delete_ip(floating))
    assert floating.floating_ip_address.startswith("203.0.113.")
    assert networks.get_ip(floating).router_id == router.id


def test_security_group(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server's card is in the group that was asked for, with its rules."""
    networks = cloud.connection.network
    group = networks.create_security_group(name=cloud.name("group"))
    cloud.later(lambda: networks.delete_security_group(group))
    rule = networks.create_security_group_rule(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=22,
        port_range_max=22,
    )
    network = cloud.network(FIRST)
    server = cloud.server(
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": network.id}],
        security_groups=[{"name": group.name}],
    )
    port = next(networks.ports(device_id=server.id))
    assert port.security_group_ids == [group.id]
    rules = networks.get_security_group(group).security_group_rules
    assert rule.id in {found["id"] for found in rules}

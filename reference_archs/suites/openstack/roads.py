"""Ways between guests and the outside: the outside's network, networks behind a router on it."""

from cloud import Cloud
from openstack.network.v2.network import Network
from openstack.network.v2.router import Router

INSIDE = "192.0.2.0/25"


def outside_network(cloud: Cloud) -> Network:
    """Return the network to the outside, which the deploy made."""
    networks = cloud.connection.network
    found = next(iter(networks.networks(is_router_external=True)), None)
    assert found, "the deploy makes a network to the outside"
    return found


def inside_network(cloud: Cloud) -> Network:
    """Return a new network behind a router to the outside."""
    return road(cloud)[1]


def road(cloud: Cloud) -> tuple[Router, Network]:
    """Return a new router to the outside, and a new network behind it."""
    networks = cloud.connection.network
    inside = networks.create_network(name=cloud.name("inside"))
    cloud.later(lambda: networks.delete_network(inside))
    subnet = networks.create_subnet(network_id=inside.id, cidr=INSIDE, ip_version=4)
    router = networks.create_router(
        name=cloud.name("router"), external_gateway_info={"network_id": outside_network(cloud).id}
    )
    cloud.later(lambda: networks.delete_router(router))
    networks.add_interface_to_router(router, subnet_id=subnet.id)
    cloud.later(lambda: networks.remove_interface_from_router(router, subnet_id=subnet.id))
    return router, inside

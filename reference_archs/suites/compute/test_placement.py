"""Placement: every hypervisor and every zone takes a server."""

import pytest
from cloud import Cloud, Resource, greet


def _zones(cloud: Cloud) -> dict[str, str]:
    """Return the zone of each compute host."""
    listed = cloud.api.compute.services(binary="nova-compute")
    return {service.host: service.availability_zone for service in listed}


def test_every_hypervisor_takes_a_server(cloud: Cloud, image: Resource) -> None:
    """A server asked for on a host runs there, whatever its hypervisor is."""
    kinds = cloud.hypervisors()
    if len(set(kinds.values())) < 2:
        pytest.skip("this cloud has one hypervisor only")
    zones = _zones(cloud)
    for host, kind in kinds.items():
        server = cloud.boot(image, cloud.open_group(), availability_zone=f"{zones[host]}:{host}")
        landed = server.hypervisor_hostname
        assert landed == host, f"asked for on {host} ({kind}), it runs on {landed}"
        greet(cloud.address(server))


def test_every_zone_takes_a_server(cloud: Cloud, image: Resource) -> None:
    """A server asked for in a zone runs there."""
    zones = sorted(set(_zones(cloud).values()))
    if len(zones) < 2:
        pytest.skip("this cloud has one zone only")
    for zone in zones:
        server = cloud.boot(image, cloud.open_group(), availability_zone=zone)
        landed = server.availability_zone
        assert landed == zone, f"asked for in {zone}, it runs in {landed}"
        greet(cloud.address(server))

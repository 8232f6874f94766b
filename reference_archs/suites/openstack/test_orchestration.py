"""Stacks: what a template describes is made, changed and taken away as one.

Only where the cloud has heat.
"""

import time
from typing import Any

import pytest
from cloud import PATIENCE, Cloud
from openstack.compute.v2.flavor import Flavor
from openstack.exceptions import HttpException, NotFoundException
from openstack.image.v2.image import Image
from openstack.orchestration.v1.stack import Stack

_POLL_SECONDS = 1.0


def _template(image: Image, flavor: Flavor, colour: str) -> dict[str, Any]:
    server = {"image": image.id, "flavor": flavor.id, "metadata": {"colour": colour}}
    server["networks"] = [{"port": {"get_resource": "port"}}]
    return {
        "heat_template_version": "2018-08-31",
        "resources": {
            "network": {"type": "OS::Neutron::Net"},
            "subnet": {
                "type": "OS::Neutron::Subnet",
                "properties": {"network": {"get_resource": "network"}, "cidr": "192.0.2.0/25"},
            },
            "port": {
                "type": "OS::Neutron::Port",
                "depends_on": "subnet",
                "properties": {"network": {"get_resource": "network"}},
            },
            "server": {"type": "OS::Nova::Server", "properties": server},
        },
        "outputs": {"server": {"value": {"get_resource": "server"}}},
    }


def _stack(cloud: Cloud, template: dict[str, Any]) -> Stack:
    heat = cloud.connection.orchestration
    stack = heat.create_stack(
        name=cloud.name("stack"), template=template, is_rollback_disabled=True
    )
    cloud.later(lambda: _gone(cloud, stack))
    return stack


def _over(cloud: Cloud, stack: Stack) -> Stack:
    """Return the stack once nothing is done with it any more."""
    end = time.monotonic() + PATIENCE
    while (found := cloud.connection.orchestration.get_stack(stack.id)).status.endswith("PROGRESS"):
        assert time.monotonic() < end, f"{stack.name} is {found.status} after {PATIENCE:.0f} s"
        time.sleep(_POLL_SECONDS)
    return found


def _gone(cloud: Cloud, stack: Stack) -> None:
    heat = cloud.connection.orchestration
    heat.delete_stack(stack)
    try:
        found = _over(cloud, stack)
    except NotFoundException:  # what the client says of a deleted one that heat still shows
        return
    assert found.status == "DELETE_COMPLETE", f"{found.status}: {found.status_reason}"


def test_make_change_and_delete(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A stack's server is there, is changed with it, and is gone with it."""
    heat, compute = cloud.connection.orchestration, cloud.connection.compute
    stack = _stack(cloud, _template(image, flavor, "red"))
    found = _over(cloud, stack)
    assert found.status == "CREATE_COMPLETE", f"{found.status}: {found.status_reason}"
    (output,) = found.outputs
    server = compute.get_server(output["output_value"])
    assert (server.status, server.metadata["colour"]) == ("ACTIVE", "red")
    heat.update_stack(stack, template=_template(image, flavor, "green"))
    found = _over(cloud, stack)
    assert found.status == "UPDATE_COMPLETE", f"{found.status}: {found.status_reason}"
    assert compute.get_server(server.id).metadata["colour"] == "green"
    _gone(cloud, stack)
    assert compute.find_server(server.id) is None


def test_what_cannot_be_made(cloud: Cloud, image: Image) -> None:
    """A stack whose server fits no host fails, and says why."""
    giant = cloud.flavor(disk=2**20)
    found = _over(cloud, _stack(cloud, _template(image, giant, "red")))
    assert found.status == "CREATE_FAILED"
    assert "No valid host" in found.status_reason


def test_a_template_that_is_none(cloud: Cloud) -> None:
    """A resource of a kind that nobody knows is refused as bad, not as our fault."""
    bad = {"heat_template_version": "2018-08-31", "resources": {"x": {"type": "OS::No::Thing"}}}
    with pytest.raises(HttpException) as refusal:
        cloud.connection.orchestration.create_stack(name=cloud.name("bad"), template=bad)
    assert refusal.value.status_code == 400

"""Stacks: what a template asks for is made in its order, and is gone with the stack."""

import pytest
from cloud import CONSOLE, Cloud, Resource, greet, is_shut, unique


def _template(image: Resource, flavor: Resource, network: Resource) -> dict[str, object]:
    """Return two servers behind a group; the second one knows the address of the first."""
    rule = {
        "protocol": "tcp",
        "port_range_min": CONSOLE,
        "port_range_max": CONSOLE,
        "remote_ip_prefix": "0.0.0.0/0",
    }
    server = {
        "image": image.id,
        "flavor": flavor.id,
        "networks": [{"network": network.id}],
        "security_groups": [{"get_resource": "group"}],
    }
    first = {"get_attr": ["first", "first_address"]}
    return {
        "heat_template_version": "2018-08-31",
        "resources": {
            "second": {
                "type": "OS::Nova::Server",
                "properties": {**server, "metadata": {"first": first}},
            },
            "first": {"type": "OS::Nova::Server", "properties": server},
            "group": {"type": "OS::Neutron::SecurityGroup", "properties": {"rules": [rule]}},
        },
        "outputs": {
            "first": {"value": first},
            "second": {"value": {"get_attr": ["second", "first_address"]}},
        },
    }


def test_stack_makes_and_takes_down_what_it_holds(cloud: Cloud, image: Resource) -> None:
    """Servers that refer to each other come up, and are gone with their stack."""
    if cloud.api.endpoint_for("orchestration") is None:
        pytest.skip("this cloud has no orchestration service")
    stacks = cloud.api.orchestration
    flavor = min(cloud.api.compute.flavors(), key=lambda flavor: int(flavor.ram))
    template = _template(image, flavor, next(cloud.api.network.networks()))
    stack = stacks.create_stack(name=unique("stack"), template=template)
    cloud.afterwards(lambda: stacks.delete_stack(stack, ignore_missing=True))
    stack = stacks.wait_for_status(
        stack, "CREATE_COMPLETE", ["CREATE_FAILED"], interval=0.1, wait=60
    )
    outputs = {item["output_key"]: item["output_value"] for item in stack.outputs}
    for name in ("first", "second"):
        told = greet(outputs[name])
        assert told["hostname"] == f"{stack.name}-{name}", "somebody else answers"
    assert told["metadata"] == {"first": outputs["first"]}, "the second does not know the first"
    stacks.delete_stack(stack)
    stacks.wait_for_delete(stack, interval=0.1, wait=60)
    assert is_shut(outputs["first"]), "a server is still there without its stack"

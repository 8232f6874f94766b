"""What guests start from: the tiny image, and the network to the outside, made if missing.

Reads what is wanted as JSON from a file; prints `changed` if it had to make anything.
"""

import json
import sys
from pathlib import Path

import openstack


def main() -> None:
    """Make all of it."""
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    login = wanted["login"]
    with openstack.connect(**login, compute_api_version="2.1") as cloud:
        made = [images(cloud, wanted["images"]), outside(cloud, wanted["outside"])]
    print("changed" if any(made) else "unchanged")


def images(cloud: openstack.connection.Connection, wanted: list) -> bool:
    """Have the images, in their order; a word that begins with @ is the id of an earlier one."""
    made, ids = False, {}
    for each in wanted:
        about = {key: ids.get(value, value) for key, value in each["about"].items()}
        new, ids[f"@{each['name']}"] = image(cloud, each, about)
        made = made or new
    return made


def image(cloud: openstack.connection.Connection, wanted: dict, about: dict) -> tuple[bool, str]:
    """Return whether the image had to be made, and its id; a half one is made anew."""
    for found in cloud.image.images(name=wanted["name"]):
        if found.status == "active":
            return False, found.id
        cloud.image.delete_image(found)
    made = cloud.image.create_image(
        wanted["name"],
        filename=wanted["file"],
        disk_format=wanted["disk_format"],
        container_format=wanted["container_format"],
        visibility="public",
        wait=True,
        **about,
    )
    return True, made.id


def outside(cloud: openstack.connection.Connection, wanted: dict) -> bool:
    """Have the network to the outside, and its subnet."""
    network = cloud.network.find_network(wanted["name"])
    made = network is None
    network = network or cloud.network.create_network(
        **{"name": wanted["name"], "router:external": True},
        shared=wanted["shared"],
        provider_network_type="flat",
        provider_physical_network="physnet1",
    )
    if list(cloud.network.subnets(network_id=network.id)):
        return made
    cloud.network.create_subnet(
        name=wanted["name"],
        network_id=network.id,
        ip_version=4,
        cidr=wanted["cidr"],
        gateway_ip=wanted["gateway"],
        is_dhcp_enabled=wanted["shared"],
        allocation_pools=[{"start": wanted["first"], "end": wanted["last"]}],
    )
    return True


if __name__ == "__main__":
    main()

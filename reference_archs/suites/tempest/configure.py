"""Writes `tempest.conf` from what the deployed cloud says of itself: services, images, networks.

The cloud is named by `clouds.yaml`, as for any client. The settings of the arch come as
`SMOKETEST_<NAME>`; `compute_driver`, `network_model` and `image_user` matter here.
"""

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

Sections = dict[str, dict[str, object]]
#: (name, MiB); a flavor without a disk is refused to normal users
FLAVORS = (("tempest-small", 128), ("tempest-large", 160))
TYPES = {
    "cinder": ("block-storage", "volumev3", "volume"),
    "glance": ("image",),
    "heat": ("orchestration",),
    "neutron": ("network",),
    "nova": ("compute",),
    "swift": ("object-store",),
}
#: an emulated guest of a busy host takes minutes to come up; a test goes on as soon as it is there
GUEST_SECONDS = 600
#: a client that gives up sends its request again, to which the answer is a conflict or nothing
ANSWER_SECONDS = 300
#: in the order of preference: what guests are reached through, then what is just there
TINY = ("tiny", "smoke", "cirros")


def main() -> None:
    """Write the file into the folder that is named."""
    cloud = openstack.connect(compute_api_version="2.1")
    settings = {
        key.removeprefix("SMOKETEST_").lower(): value
        for key, value in os.environ.items()
        if key.startswith("SMOKETEST_")
    }
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for section, options in sections(cloud, settings).items():
        parser[section] = {key: written(value) for key, value in options.items()}
    path = Path(sys.argv[1]) / "tempest.conf"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        parser.write(file)


def written(value: object) -> str:
    """Return a value as Tempest reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def sections(cloud: Connection, settings: Mapping[str, str]) -> Sections:
    """Return the whole configuration."""
    there = frozenset(services(cloud))
    guests = settings.get("compute_driver", "libvirt") == "libvirt"
    found: Sections = {
        "DEFAULT": {"log_file": "tempest.log", "debug": False},
        "oslo_concurrency": {"lock_path": "lock"},
        "service-clients": {"http_timeout": ANSWER_SECONDS},
        "service_available": {name: name in there for name in TYPES} | {"horizon": False},
        **identity(cloud),
    }
    if "nova" in there:
        found |= compute(cloud, guests=guests)
    if "neutron" in there:
        found |= network(cloud)
    else:
        found["auth"]["create_isolated_networks"] = False
    found["validation"] = validation(settings, reachable=guests and "neutron" in there)
    return found


def services(cloud: Connection) -> Iterator[str]:
    """Yield the services that the catalog has."""
    types = {service.type for service in cloud.identity.services()}
    yield from (name for name, known in TYPES.items() if types & set(known))


def identity(cloud: Connection) -> Sections:
    """Return who Tempest is, and that it makes users of its own."""
    auth = cloud.config.get_auth_args()
    return {
        "auth": {
            "use_dynamic_credentials": True,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": "Default",
            "tempest_roles": "member",
        },
        "identity": {
            "auth_version": "v3",
            "uri_v3": auth["auth_url"],
            "region": cloud.config.get_region_name(),
            "v3_endpoint_type": "public",
        },
        "identity-feature-enabled": {"api_v2": False, "api_v3": True, "application_credentials": 1},
    }


def compute(cloud: Connection, *, guests: bool) -> Sections:
    """Return images, flavors, and what this way of deploying has no use for."""
    first, other = images(cloud)
    small, large = (flavor(cloud, name, ram) for name, ram in FLAVORS)
    off = ("resize", "cold_migration", "live_migration", "vnc_console", "metadata_service")
    return {
        "compute": {
            "image_ref": first.id,
            "image_ref_alt": other.id,
            "flavor_ref": small.id,
            "flavor_ref_alt": large.id,
            "build_timeout": GUEST_SECONDS,
            "fixed_network_name": "private",
        },
        "compute-feature-enabled": dict.fromkeys(off, False)
        | {"config_drive": guests, "console_output": guests, "rescue": guests},
    }


def images(cloud: Connection) -> tuple[Any, Any]:
    """Return two images that servers boot from; one alone stands for both."""
    active = [image for image in cloud.image.images() if image.status == "active"]
    bootable = [image for image in active if image.disk_format not in {"aki", "ari"}]
    if not bootable:
        sys.exit("the cloud has no image that is active: have its deploy upload one")
    liked = sorted(bootable, key=lambda image: (not image.name.startswith(TINY), image.name))
    return liked[0], liked[1 % len(liked)]


def flavor(cloud: Connection, name: str, ram: int) -> Any:  # noqa: ANN401  # the SDK's own
    """Return the flavor, made if it is not there."""
    found = cloud.compute.find_flavor(name)
    return found or cloud.compute.create_flavor(name=name, ram=ram, vcpus=1, disk=1)


def network(cloud: Connection) -> Sections:
    """Return the way out, and the extensions that are really served."""
    outside = next((n for n in cloud.network.networks() if n.is_router_external), None)
    names = sorted(extension.alias for extension in cloud.network.extensions())
    options: dict[str, object] = {"project_networks_reachable": False}
    if outside:
        options |= {"public_network_id": outside.id, "floating_network_name": outside.name}
    return {
        "network": options,
        "network-feature-enabled": {"api_extensions": ",".join(names), "ipv6": True},
    }


def validation(settings: Mapping[str, str], *, reachable: bool) -> dict[str, object]:
    """Return how a guest is looked into, if it can be reached at all."""
    return {
        "run_validation": reachable and settings.get("floating_reachable", "true") == "true",
        "connect_method": "floating",
        "image_ssh_user": settings.get("image_user", "root"),
        "ssh_key_type": "ecdsa",
        "ping_timeout": GUEST_SECONDS,
        "ssh_timeout": GUEST_SECONDS,
    }


if __name__ == "__main__":
    main()

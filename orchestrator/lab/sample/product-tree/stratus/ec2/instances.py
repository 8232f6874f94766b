"""EC2's instances, and what they are made from."""

from stratus.ec2.parameters import Ec2Refused, Parameters, native, shown
from stratus.inside import Inside
from stratus.web import Json

_SERVERS = "/compute/v2.1/servers"
_STATES = {"BUILD": (0, "pending"), "ACTIVE": (16, "running")}
#: what became of an instance that never ran
_BROKEN = (48, "terminated")
_NAME = "Name"


class Instances:
    """Actions on servers; a server's name is its tag `Name`, its metadata are the other tags."""

    def __init__(self, inside: Inside) -> None:
        """Ask `inside`."""
        self._inside = inside

    def images(self, _: Parameters) -> Json:
        """DescribeImages."""
        images = self._inside.ask("GET", "/image/v2/images")["images"]
        return {
            "imagesSet": [
                {"imageId": shown("ami", image["id"]), "name": image["name"]} for image in images
            ]
        }

    def types(self, _: Parameters) -> Json:
        """DescribeInstanceTypes."""
        return {
            "instanceTypeSet": [
                {
                    "instanceType": flavor["name"],
                    "memoryInfo": {"sizeInMiB": flavor["ram"]},
                    "vCpuInfo": {"defaultVCpus": flavor["vcpus"]},
                }
                for flavor in self._flavors()
            ]
        }

    def run(self, told: Parameters) -> Json:
        """RunInstances, of one instance."""
        kind = told.text("InstanceType")
        flavor = next((f["id"] for f in self._flavors() if f["name"] == kind), None)
        if flavor is None:
            raise Ec2Refused("InvalidParameterValue", f"there is no instance type {kind}")
        tags = {tag.text("Key"): tag.text("Value") for tag in _tags(told)}
        asked: Json = {
            "name": tags.pop(_NAME, ""),
            "imageRef": native("ami", told.text("ImageId")),
            "flavorRef": flavor,
            "networks": [{"uuid": network} for network in self._networks(told)],
            "security_groups": [{"name": group} for group in _groups(told)],
            "metadata": tags,
        }
        asked |= {"key_name": told.text("KeyName")} if "KeyName" in told.told else {}
        server = self._inside.ask("POST", _SERVERS, {"server": asked})["server"]
        return {"reservationId": shown("r", server["id"]), "instancesSet": [self._shown(server)]}

    def every(self, told: Parameters) -> Json:
        """DescribeInstances."""
        wanted = [native("i", name) for name in told.texts("InstanceId")]
        if wanted:
            found = [self._inside.ask("GET", f"{_SERVERS}/{one}")["server"] for one in wanted]
        else:
            found = self._inside.ask("GET", f"{_SERVERS}/detail")["servers"]
        reservations = [
            {"reservationId": shown("r", server["id"]), "instancesSet": [self._shown(server)]}
            for server in found
        ]
        return {"reservationSet": reservations}

    def terminate(self, told: Parameters) -> Json:
        """TerminateInstances."""
        wanted = told.texts("InstanceId")
        for name in wanted:
            self._inside.ask("DELETE", f"{_SERVERS}/{native('i', name)}")
        code, state = _BROKEN
        return {
            "instancesSet": [
                {"instanceId": name, "currentState": {"code": code, "name": state}}
                for name in wanted
            ]
        }

    def _flavors(self) -> list[Json]:
        found: list[Json] = self._inside.ask("GET", "/compute/v2.1/flavors/detail")["flavors"]
        return found

    def _networks(self, told: Parameters) -> list[str]:
        subnets = [card.text("SubnetId") for card in told.tables("NetworkInterface")]
        subnets = subnets or [told.text("SubnetId")]
        paths = (f"/network/v2.0/subnets/{native('subnet', one)}" for one in subnets)
        return [self._inside.ask("GET", path)["subnet"]["network_id"] for path in paths]

    def _shown(self, server: Json) -> Json:
        code, state = _STATES.get(server["status"], _BROKEN)
        tags = {_NAME: server["name"], **server["metadata"]}
        cards = self._inside.ask("GET", "/network/v2.0/ports", query={"device_id": server["id"]})
        told = {
            "instanceId": shown("i", server["id"]),
            "imageId": shown("ami", server["image"]["id"]),
            "instanceState": {"code": code, "name": state},
            "keyName": server["key_name"],
            "placement": {"availabilityZone": server["OS-EXT-AZ:availability_zone"]},
            "tagSet": [{"key": key, "value": value} for key, value in tags.items()],
            "networkInterfaceSet": [card(port) for port in cards["ports"]],
        }
        if "fault" in server:
            told["stateReason"] = {
                "code": "Server.InternalError",
                "message": server["fault"]["message"],
            }
        return told


def card(port: Json) -> Json:
    """Return a network card as EC2 shows it."""
    [fixed] = port["fixed_ips"]
    return {
        "networkInterfaceId": shown("eni", port["id"]),
        "subnetId": shown("subnet", fixed["subnet_id"]),
        "macAddress": port["mac_address"],
        "privateIpAddress": fixed["ip_address"],
    }


def _tags(told: Parameters) -> list[Parameters]:
    return [tag for spec in told.tables("TagSpecification") for tag in spec.tables("Tag")]


def _groups(told: Parameters) -> list[str]:
    """Return the security groups' ids: of the first card, or of the instance."""
    cards = told.tables("NetworkInterface")
    names = cards[0].texts("SecurityGroupId") if cards else told.texts("SecurityGroupId")
    return [native("sg", name) for name in names]

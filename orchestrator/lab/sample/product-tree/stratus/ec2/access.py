"""EC2's keypairs, security groups and subnets."""

import base64
import binascii

from stratus.ec2.parameters import Ec2Refused, Parameters, native, shown
from stratus.inside import Inside
from stratus.web import Json

_NETWORK = "/network/v2.0"
_DONE: Json = {"return": True}


class Access:
    """Actions on what lets somebody in."""

    def __init__(self, inside: Inside) -> None:
        """Ask `inside`."""
        self._inside = inside

    def import_key(self, told: Parameters) -> Json:
        """ImportKeyPair."""
        try:
            key = base64.b64decode(told.text("PublicKeyMaterial"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Ec2Refused("InvalidKey.Format", "the key is not base64 of text") from error
        asked = {"keypair": {"name": told.text("KeyName"), "public_key": key}}
        pair = self._inside.ask("POST", "/compute/v2.1/os-keypairs", asked)["keypair"]
        return {"keyName": pair["name"], "keyFingerprint": pair["fingerprint"]}

    def delete_key(self, told: Parameters) -> Json:
        """DeleteKeyPair."""
        self._inside.ask("DELETE", f"/compute/v2.1/os-keypairs/{told.text('KeyName')}")
        return _DONE

    def create_group(self, told: Parameters) -> Json:
        """CreateSecurityGroup."""
        asked = {"name": told.text("GroupName"), "description": told.text("GroupDescription")}
        path = f"{_NETWORK}/security-groups"
        group = self._inside.ask("POST", path, {"security_group": asked})["security_group"]
        return {**_DONE, "groupId": shown("sg", group["id"])}

    def delete_group(self, told: Parameters) -> Json:
        """DeleteSecurityGroup."""
        group = native("sg", told.text("GroupId"))
        self._inside.ask("DELETE", f"{_NETWORK}/security-groups/{group}")
        return _DONE

    def let_in(self, told: Parameters) -> Json:
        """AuthorizeSecurityGroupIngress."""
        group = native("sg", told.text("GroupId"))
        for rule in told.tables("IpPermissions"):
            asked = {
                "security_group_id": group,
                "direction": "ingress",
                "protocol": rule.text("IpProtocol"),
                "port_range_min": rule.number("FromPort"),
                "port_range_max": rule.number("ToPort"),
            }
            path = f"{_NETWORK}/security-group-rules"
            for source in rule.tables("IpRanges"):
                told_rule = {**asked, "remote_ip_prefix": source.text("CidrIp")}
                self._inside.ask("POST", path, {"security_group_rule": told_rule})
        return _DONE

    def subnets(self, _: Parameters) -> Json:
        """DescribeSubnets."""
        found = self._inside.ask("GET", f"{_NETWORK}/subnets")["subnets"]
        return {
            "subnetSet": [
                {
                    "subnetId": shown("subnet", subnet["id"]),
                    "cidrBlock": subnet["cidr"],
                    "state": "available",
                    "tagSet": [{"key": "Name", "value": subnet["name"]}],
                }
                for subnet in found
            ]
        }

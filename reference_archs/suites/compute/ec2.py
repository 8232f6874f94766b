"""The cloud as EC2's users see it, through botocore: the same tests, by another API.

Images are still uploaded by the image API: EC2 takes them from an object store only.
"""

import json
import secrets
import time
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cloud import CONSOLE, Cloud, Pair, Resource, Told, unique
from openstack.connection import Connection

_SECONDS, _POLL_SECONDS = 60.0, 0.05
#: reads the description of the whole API once
_SESSION = botocore.session.get_session()
_PATIENCE = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})


class Ec2Cloud(Cloud):
    """Servers, keypairs, groups and volumes by EC2, with an access key made for the test."""

    def __init__(self, connection: Connection) -> None:
        """Make the access key, as the user who is logged in."""
        super().__init__(connection)
        access, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
        made = connection.identity.create_credential(
            type="ec2",
            blob=json.dumps({"access": access, "secret": secret}),
            user_id=connection.current_user_id,
            project_id=connection.current_project_id,
        )
        self.afterwards(lambda: connection.identity.delete_credential(made))
        self._client: Any = _SESSION.create_client(
            "ec2",
            region_name="lab",
            endpoint_url=connection.endpoint_for("ec2"),
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=_PATIENCE,
        )

    def ask(self, action: str, **parameters: object) -> Any:  # noqa: ANN401  # botocore's own
        """Return what a method of botocore's client returns; raise `Told` with the refusal."""
        try:
            return getattr(self._client, action)(**parameters)
        except ClientError as error:
            about = error.response
            request = about["ResponseMetadata"].get("RequestId", "no request id")
            told = f"{about['Error']['Message']} ({about['Error']['Code']}, request {request}"
            raise Told(f"{told}, see the log of the API)") from error
        except BotoCoreError as error:
            raise Told(f"EC2's API did not answer as it should: {error}") from error

    def networks(self) -> list[Resource]:
        """Return the subnets that servers can be plugged in, at least one."""
        found = [
            SimpleNamespace(id=subnet["SubnetId"], name=_tags(subnet).get("Name", ""))
            for subnet in self.ask("describe_subnets")["Subnets"]
        ]
        if not found:
            pytest.fail("the cloud has no subnet to plug a server in", pytrace=False)
        return found

    def model(self, network: Resource) -> str | None:  # noqa: ARG002  # of no use here
        """Return None: EC2 has no word for it."""
        return None

    def group(self) -> Resource:
        """Return a new security group that lets nothing in."""
        named = {"GroupName": unique("group"), "Description": "smoke"}
        group = SimpleNamespace(id=self.ask("create_security_group", **named)["GroupId"])
        self.afterwards(lambda: self.ask("delete_security_group", GroupId=group.id))
        return group

    def let_in(self, group: Resource) -> None:
        """Let the console in through a group."""
        rule = {
            "IpProtocol": "tcp",
            "FromPort": CONSOLE,
            "ToPort": CONSOLE,
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        }
        self.ask("authorize_security_group_ingress", GroupId=group.id, IpPermissions=[rule])

    def boot(
        self,
        image: Resource,
        group: Resource,
        networks: Iterable[Resource] = (),
        **more: Any,  # noqa: ANN401  # as the OpenStack API takes it
    ) -> Resource:
        """Return a new server once it runs; fail with the cloud's own reason otherwise."""
        types = self.ask("describe_instance_types")["InstanceTypes"]
        smallest = min(types, key=lambda kind: kind["MemoryInfo"]["SizeInMiB"])
        chosen = list(networks) or self.networks()[:1]
        tags = {"Name": unique("server"), **more.get("metadata", {})}
        asked = {
            "ImageId": self._image(image),
            "InstanceType": smallest["InstanceType"],
            "MinCount": 1,
            "MaxCount": 1,
            "NetworkInterfaces": [
                {"DeviceIndex": number, "SubnetId": network.id, "Groups": [group.id]}
                for number, network in enumerate(chosen)
            ],
            "TagSpecifications": [
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        }
        asked |= {"KeyName": more["key_name"]} if "key_name" in more else {}
        [made] = self.ask("run_instances", **asked)["Instances"]
        self.afterwards(lambda: self.ask("terminate_instances", InstanceIds=[made["InstanceId"]]))
        return self._running(made["InstanceId"])

    def address(self, server: Resource, network: Resource | None = None) -> str:
        """Return the server's address on a subnet, or its first one."""
        found = [
            card["PrivateIpAddress"]
            for card in server.interfaces
            if network is None or card["SubnetId"] == network.id
        ]
        if not found:
            pytest.fail(f"server {server.name} has no address", pytrace=False)
        return str(found[0])

    def cards(self, server: Resource) -> list[tuple[str, str]]:
        """Return (address, MAC) of each of the server's network cards."""
        return [(card["PrivateIpAddress"], card["MacAddress"]) for card in server.interfaces]

    def keypair(self, key: str) -> Pair:
        """Return a new keypair of that public key."""
        name = unique("key")
        made = self.ask("import_key_pair", KeyName=name, PublicKeyMaterial=key.encode())
        self.afterwards(lambda: self.ask("delete_key_pair", KeyName=name))
        return Pair(name=made["KeyName"], fingerprint=made["KeyFingerprint"])

    def _image(self, image: Resource) -> str:
        """Return what EC2 calls the image."""
        listed = self.ask("describe_images")["Images"]
        found = [one["ImageId"] for one in listed if one["Name"] == image.name]
        if not found:
            pytest.fail(f"EC2 does not list image {image.name}", pytrace=False)
        return str(found[0])

    def _running(self, name: str) -> Resource:
        end = time.monotonic() + _SECONDS
        while True:
            told = self.ask("describe_instances", InstanceIds=[name])
            [instance] = told["Reservations"][0]["Instances"]
            state, title = instance["State"]["Name"], _tags(instance)["Name"]
            if state == "running":
                return SimpleNamespace(
                    id=name, name=title, interfaces=instance["NetworkInterfaces"]
                )
            if state != "pending":
                why = instance.get("StateReason", {}).get("Message", "the cloud gives no reason")
                pytest.fail(f"server {title} is {state}: {why}", pytrace=False)
            if time.monotonic() > end:
                pytest.fail(f"server {title} is {state} after {_SECONDS:.0f} s", pytrace=False)
            time.sleep(_POLL_SECONDS)


def _tags(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}

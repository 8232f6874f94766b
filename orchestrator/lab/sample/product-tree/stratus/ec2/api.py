"""EC2's query API: one path, an action by name, answers in XML."""

import logging
from collections.abc import Callable
from urllib.parse import parse_qsl

from stratus.ec2.access import Access
from stratus.ec2.instances import Instances
from stratus.ec2.parameters import Ec2Refused, Parameters, answer, complaint
from stratus.ec2.signature import verify
from stratus.ec2.volumes import Volumes
from stratus.inside import Inside
from stratus.journal import request_id
from stratus.web import INTERNAL_ERROR, Json, Refused, Reply, Request, Route, route

Action = Callable[[Parameters], Json]
_NOT_FOUND = 404


class Ec2:
    """Every action that there is."""

    def __init__(
        self, inside: Inside, secret: Callable[[str], str | None], log: logging.Logger
    ) -> None:
        """Ask `inside`, for whoever signs by the `secret` of an access key."""
        self._secret = secret
        self._log = log
        instances, volumes, access = Instances(inside), Volumes(inside), Access(inside)
        self._actions: dict[str, Action] = {
            "DescribeImages": instances.images,
            "DescribeInstanceTypes": instances.types,
            "RunInstances": instances.run,
            "DescribeInstances": instances.every,
            "TerminateInstances": instances.terminate,
            "ImportKeyPair": access.import_key,
            "DeleteKeyPair": access.delete_key,
            "CreateSecurityGroup": access.create_group,
            "DeleteSecurityGroup": access.delete_group,
            "AuthorizeSecurityGroupIngress": access.let_in,
            "DescribeSubnets": access.subnets,
            "CreateVolume": volumes.create,
            "DescribeVolumes": volumes.every,
            "DeleteVolume": volumes.delete,
            "AttachVolume": volumes.attach,
            "DetachVolume": volumes.detach,
        }

    def routes(self) -> list[Route]:
        """Return what it answers; each request proves by itself whose it is."""
        return [route("POST", "/ec2", self._answer, public=True)]

    def _answer(self, request: Request) -> Reply:
        try:
            verify(request, self._secret)
            name, body = self._act(Parameters(dict(parse_qsl(request.body.decode()))))
        except (Ec2Refused, Refused) as error:
            refused = _refused(error)
            level = logging.ERROR if refused.status >= INTERNAL_ERROR else logging.WARNING
            self._log.log(level, "%s: %s", refused.code, refused)
            return _xml(refused.status, complaint(request_id.get(), refused))
        self._log.info("EC2: %s", name)
        return _xml(200, answer(name, request_id.get(), body))

    def _act(self, told: Parameters) -> tuple[str, Json]:
        name = told.text("Action")
        if name not in self._actions:
            raise Ec2Refused("InvalidAction", f"stratus does not know the action {name}")
        return name, self._actions[name](told)


def _refused(error: Ec2Refused | Refused) -> Ec2Refused:
    """Return the error as EC2's clients know it."""
    if isinstance(error, Ec2Refused):
        return error
    if error.status == _NOT_FOUND:
        return Ec2Refused("InvalidID.NotFound", str(error))
    code = "InternalError" if error.status >= INTERNAL_ERROR else "InvalidRequest"
    return Ec2Refused(code, str(error), error.status)


def _xml(status: int, body: bytes) -> Reply:
    return Reply(status=status, body=body, headers={"Content-Type": "text/xml"})

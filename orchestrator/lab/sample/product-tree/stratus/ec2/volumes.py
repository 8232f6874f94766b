"""EC2's volumes."""

from stratus.ec2.parameters import Parameters, native, shown
from stratus.ids import PROJECT
from stratus.inside import Inside
from stratus.web import Json

_VOLUMES = f"/volume/v3/{PROJECT}/volumes"
_DONE: Json = {"return": True}


class Volumes:
    """Actions on volumes; a volume that is attached is where the product says, not where asked."""

    def __init__(self, inside: Inside) -> None:
        """Ask `inside`."""
        self._inside = inside

    def create(self, told: Parameters) -> Json:
        """CreateVolume."""
        asked = {"volume": {"name": "", "size": told.number("Size")}}
        return _shown(self._inside.ask("POST", _VOLUMES, asked)["volume"])

    def every(self, told: Parameters) -> Json:
        """DescribeVolumes."""
        wanted = [native("vol", name) for name in told.texts("VolumeId")]
        if wanted:
            found = [self._inside.ask("GET", f"{_VOLUMES}/{one}")["volume"] for one in wanted]
        else:
            found = self._inside.ask("GET", f"{_VOLUMES}/detail")["volumes"]
        return {"volumeSet": [_shown(volume) for volume in found]}

    def delete(self, told: Parameters) -> Json:
        """DeleteVolume."""
        self._inside.ask("DELETE", f"{_VOLUMES}/{native('vol', told.text('VolumeId'))}")
        return _DONE

    def attach(self, told: Parameters) -> Json:
        """AttachVolume."""
        volume, server = told.text("VolumeId"), told.text("InstanceId")
        path = f"/compute/v2.1/servers/{native('i', server)}/os-volume_attachments"
        asked = {"volumeAttachment": {"volumeId": native("vol", volume)}}
        made = self._inside.ask("POST", path, asked)["volumeAttachment"]
        return {
            "volumeId": volume,
            "instanceId": server,
            "device": made["device"],
            "status": "attached",
        }

    def detach(self, told: Parameters) -> Json:
        """DetachVolume."""
        volume, server = told.text("VolumeId"), told.text("InstanceId")
        path = f"/compute/v2.1/servers/{native('i', server)}/os-volume_attachments"
        self._inside.ask("DELETE", f"{path}/{native('vol', volume)}")
        return {"volumeId": volume, "instanceId": server, "status": "detached"}


def _shown(volume: Json) -> Json:
    return {
        "volumeId": shown("vol", volume["id"]),
        "size": volume["size"],
        "status": volume["status"],
        "attachmentSet": [
            {"instanceId": shown("i", item["server_id"]), "device": item["device"]}
            for item in volume["attachments"]
        ],
    }

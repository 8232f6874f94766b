"""XenServer and XCP-ng: Xen by multiboot, an answer file, a script that makes it call home.

The grammar is what we write of the "Answerfile Schema" that comes with the installer's sources.
"""

from pathlib import Path

from orchestrator.drivers.boot import xmlform
from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.parts import means, need, refuse, rendered, values
from orchestrator.drivers.boot.rendering import TEMPLATES, Templates
from orchestrator.drivers.boot.xmlform import Form, maybe, one, some, words
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import value
from orchestrator.model.node import Node

#: GiB that the installer wants at least
LEAST_GIB = 46
XEN = "xen.gz"
_YES = "true|false|yes|no"
_URL = r"https?://[^\s/]+/\S*"
ANSWERFILE = Form(
    attributes={"mode": "fresh|reinstall"},
    options={"srtype": "lvm|ext"},
    children={
        "primary-disk": one(Form(text=r"[a-z]\w*", options={"guest-storage": _YES})),
        "keymap": maybe(words(r"[a-z]{2}")),
        "root-password": one(Form(text=r"\*|!!", attributes={"type": "hash"})),
        "source": some(Form(text=_URL, attributes={"type": "url"})),
        "script": some(
            Form(
                text=_URL,
                attributes={
                    "stage": "installation-start|filesystem-populated|installation-complete",
                    "type": "url",
                },
            )
        ),
        "admin-interface": one(
            Form(
                attributes={"hwaddr": "[0-9a-f]{2}(:[0-9a-f]{2}){5}", "proto": "dhcp"},
                options={"vlan": r"[1-9]\d{0,3}"},
            )
        ),
        "hostname": one(words(r"[A-Za-z0-9][A-Za-z0-9._-]*")),
        "timezone": one(words(r"[A-Za-z]+(/[A-Za-z0-9_+-]+)*")),
        "network-backend": maybe(words("bridge|openvswitch|vswitch")),
    },
)


class XenServerMethod:
    """Answers every question of the installer: the whole disk, one card, root by key only."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        """Take the folder that has `xenserver/` with the templates."""
        self._templates = Templates(templates)

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the boot script and the answers, looked over."""
        need(image, (XEN,))
        brings = means(node, image, LEAST_GIB, licensed=False)
        refuse(image, brings)
        first = node.disks[0][0] if node.disks else "sda"
        filled = values(node, image, attempt, url, brings)
        filled["disk"] = value(image.answers, "disk", first)
        return rendered(self._templates, "xenserver", filled, {"answerfile": faults})


def faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an answer file, `LINE: sentence` each."""
    return xmlform.faults(text, "installation", ANSWERFILE)

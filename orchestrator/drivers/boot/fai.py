"""FAI by network boot: an iPXE script, and a node's own part of the config space."""

from pathlib import Path

from orchestrator.drivers.boot.configspace import classes
from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.nodepart import faults
from orchestrator.drivers.boot.rendering import TEMPLATES, Templates
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Node

#: names below `<url>/files/` that the node fetches, so an image's extras must have them
CONFIG, BASE = "config.tar", "base.tar.zst"
_SCRIPT = "fai/boot.ipxe.j2"
_ANSWERS = "fai/node.j2"


class FaiMethod:
    """Runs FAI in the initial RAM disk; the answers are the node's classes, disks and packages."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        """Take the folder that has `fai/` with the templates."""
        self._templates = Templates(templates)

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the boot script and the node's part of the config space, looked over."""
        extras = dict(image.extras)
        if missing := [name for name in (CONFIG, BASE) if name not in extras]:
            msg = f"image {image.name} has no {missing[0]} among its extras, which FAI fetches"
            raise ConfigError(msg)
        values = {"node": node, "image": image, "attempt": attempt, "url": url}
        answers = self._templates.fill(_ANSWERS, **values)
        if wrong := faults(answers, node.name, classes(Path(extras[CONFIG]))):
            where = self._templates.path(_ANSWERS)
            msg = f"{where}:{wrong[0]} (as rendered for {node.name})"
            raise ConfigError(msg)
        return Rendered(script=self._templates.fill(_SCRIPT, **values), answers=answers)

"""Debian's own installer: an iPXE script and a preseed."""

from pathlib import Path

from orchestrator.drivers.boot.answers import faults
from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.rendering import TEMPLATES, Templates
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Node

_SCRIPT = "boot.ipxe.j2"
_ANSWERS = "preseed.cfg.j2"


class PreseedMethod:
    """Answers every question of the Debian installer, minimal system, the whole first disk."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        """Take the folder of the templates."""
        self._templates = Templates(templates)

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the installer's boot script and its preseed, looked over."""
        values = {"node": node, "image": image, "attempt": attempt, "url": url}
        answers = self._templates.fill(_ANSWERS, **values)
        if wrong := faults(answers):
            where = self._templates.path(_ANSWERS)
            msg = f"{where}:{wrong[0]} (as rendered for {node.name})"
            raise ConfigError(msg)
        return Rendered(script=self._templates.fill(_SCRIPT, **values), answers=answers)

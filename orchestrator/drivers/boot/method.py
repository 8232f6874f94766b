"""An install method: what one kind of installer is offered."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Node

#: methods whose answers are the same whatever a role asks
UNASKED = frozenset({"preseed", "fai"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An offer's two texts."""

    #: the iPXE script
    script: str
    #: the installer's answers, served at `<url>/answers`
    answers: str = ""
    #: the image whose files are served, when it is not the one that was asked for
    image: str = ""


class Method(Protocol):
    """Knows one installer: its boot script and its answers."""

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return what `node` is offered; everything of it is served below `url`.

        `url` ends in the one-time token: `<url>/linux`, `/initrd.gz`, `/answers`,
        `/authorized_keys`, `/files/<name>` of the image's extras, and the call-back
        `/arrived?ssh=<host key>`. Raises `ConfigError` when the answers do not validate.
        """
        ...

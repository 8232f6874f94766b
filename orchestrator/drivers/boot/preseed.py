"""Debian by network boot: an iPXE script and a preseed for one node, under a one-time token."""

import secrets
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)

from orchestrator.drivers.boot.answers import faults
from orchestrator.drivers.boot.keys import Keys
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Access, Node
from orchestrator.model.offer import Offer
from orchestrator.ports.clock import Deadline
from orchestrator.ports.store import Offers

TEMPLATES = Path(__file__).parent / "templates"
_SCRIPT = "boot.ipxe.j2"
_ANSWERS = "preseed.cfg.j2"


class PreseedBoot:
    """Offers the Debian installer; the boot server hands out what the offer holds."""

    def __init__(
        self,
        offers: Offers,
        boot_url: Callable[[], str],
        images: Mapping[str, Image],
        keys: Path,
        templates: Path = TEMPLATES,
    ) -> None:
        """Take the store's offers, the boot server's address, the images by name, a key folder."""
        self._offers = offers
        self._boot_url = boot_url
        self._images = images
        self._keys = Keys(keys)
        self._templates = templates
        self._jinja = Environment(
            loader=FileSystemLoader(templates),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701  # plain text for an installer, not HTML
        )

    def offer(self, node: Node, image: str, attempt: AttemptId, deadline: Deadline) -> None:
        """Store boot script, answers and public key for the node's next network boot."""
        deadline.check()
        if image not in self._images:
            known = ", ".join(sorted(self._images)) or "none"
            msg = f"no image {image!r} to install {node.name} with; this lab has {known}"
            raise ConfigError(msg)
        self._keys.claim(attempt, node.name)
        if not self._offers.find(node.name, attempt):
            self._offers.put(self._render(node, self._images[image], attempt))

    def arrived(self, node: Node, attempt: AttemptId) -> Access | None:
        """Return how to log in, once the node called home for this attempt."""
        found = self._offers.find(node.name, attempt)
        return found.access if found else None

    def fetched(self, node: Node, attempt: AttemptId) -> tuple[str, ...]:
        """Return what the node fetched of its offer, in order; nothing without an offer."""
        found = self._offers.find(node.name, attempt)
        return found.fetched if found else ()

    def key(self, attempt: AttemptId) -> str:
        """Return the path of the attempt's private key (mode 0600), made by its first offer."""
        return str(self._keys.path(attempt))

    def withdraw(self, node: Node, attempt: AttemptId) -> None:
        """Forget the offer, and with the attempt's last node its key pair."""
        self._offers.drop(node.name, attempt)
        self._keys.drop(attempt, node.name)

    def _render(self, node: Node, image: Image, attempt: AttemptId) -> Offer:
        token = secrets.token_urlsafe(24)
        url = f"{self._boot_url().rstrip('/')}/{token}"
        answers = self._fill(_ANSWERS, node, image, attempt, url)
        if wrong := faults(answers):
            msg = f"{self._templates / _ANSWERS}:{wrong[0]} (as rendered for {node.name})"
            raise ConfigError(msg)
        return Offer(
            token=token,
            node=node.name,
            mac=node.mac,
            attempt=attempt,
            image=image.name,
            script=self._fill(_SCRIPT, node, image, attempt, url),
            answers=answers,
            public_key=self._keys.public(attempt),
        )

    def _fill(self, name: str, node: Node, image: Image, attempt: AttemptId, url: str) -> str:
        try:
            template = self._jinja.get_template(name)
            return template.render(node=node, image=image, attempt=attempt, url=url)
        except TemplateError as error:
            msg = f"{self._templates / name}:{_line(error, name)}: {error}"
            raise ConfigError(msg) from error


def _line(error: TemplateError, name: str) -> int:
    """Return the template's line that Jinja stopped at."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next(
        (frame.lineno or 1 for frame in reversed(frames) if frame.filename.endswith(name)), 1
    )

"""Network boot: offers a node an install under a one-time token, and hears it call home."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.drivers.boot.keys import Keys
from orchestrator.drivers.boot.method import UNASKED, Method
from orchestrator.model.arch import Role
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Access, Node
from orchestrator.model.offer import Offer
from orchestrator.ports.clock import Deadline
from orchestrator.ports.store import Offers


class InstallBoot:
    """Offers an image by its method; the boot server hands out what the offer holds."""

    def __init__(
        self,
        offers: Offers,
        boot_url: Callable[[Node], str],
        images: Mapping[str, Image],
        keys: Path,
        methods: Mapping[str, Method],
    ) -> None:
        """Take the store's offers, the boot server as a node sees it, images, keys, methods."""
        self._offers = offers
        self._boot_url = boot_url
        self._images = images
        self._keys = Keys(keys)
        self._methods = methods

    def offer(self, node: Node, role: Role, attempt: AttemptId, deadline: Deadline) -> None:
        """Store boot script, answers and public key for the node's next network boot."""
        deadline.check()
        image = role.install
        if image not in self._images:
            known = ", ".join(sorted(self._images)) or "none"
            msg = f"no image {image!r} to install {node.name} with; this lab has {known}"
            raise ConfigError(msg)
        _refuse_unheard(role, self._images[image])
        self._keys.claim(attempt, node.name)
        if not self._offers.find(node.name, attempt):
            asked = replace(self._images[image], answers=role.answers, role=role.source)
            self._offers.put(self._render(node, asked, attempt))

    def arrived(self, node: Node, attempt: AttemptId) -> Access | None:
        """Return how to log in, once the node called home for this attempt."""
        found = self._offers.find(node.name, attempt)
        return found.access if found else None

    def fetched(self, node: Node, attempt: AttemptId) -> tuple[str, ...]:
        """Return what the node fetched of its offer, in order; nothing without an offer."""
        found = self._offers.find(node.name, attempt)
        return found.fetched if found else ()

    def offered(self, node: Node, attempt: AttemptId) -> str:
        """Return the name of the image that the node's offer hands out, empty without an offer."""
        found = self._offers.find(node.name, attempt)
        return found.image if found else ""

    def key(self, attempt: AttemptId) -> str:
        """Return the path of the attempt's private key (mode 0600), made by its first offer."""
        return str(self._keys.path(attempt))

    def withdraw(self, node: Node, attempt: AttemptId) -> None:
        """Forget the offer, and with the attempt's last node its key pair."""
        self._offers.drop(node.name, attempt)
        self._keys.drop(attempt, node.name)

    def _render(self, node: Node, image: Image, attempt: AttemptId) -> Offer:
        token = secrets.token_urlsafe(24)
        url = f"{self._boot_url(node).rstrip('/')}/{token}"
        rendered = self._method(image).render(node, image, attempt, url)
        return Offer(
            token=token,
            node=node.name,
            mac=node.mac,
            attempt=attempt,
            image=rendered.image or image.name,
            script=rendered.script,
            answers=rendered.answers,
            public_key=self._keys.public(attempt),
        )

    def _method(self, image: Image) -> Method:
        try:
            return self._methods[image.method]
        except KeyError:
            known = ", ".join(sorted(self._methods))
            msg = f"image {image.name} wants install method {image.method!r}; there is {known}"
            raise ConfigError(msg) from None


def _refuse_unheard(role: Role, image: Image) -> None:
    """Raise `ConfigError` for what a role asks of an installer that does not listen."""
    if role.answers and image.method in UNASKED:
        source = role.answers[0].source
        msg = f"{source}: {image.name} is installed by {image.method}, which takes no `answers`"
        raise ConfigError(f"{msg}; remove them, or say so in the image")

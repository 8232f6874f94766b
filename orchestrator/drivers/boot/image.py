"""Reinstall from a golden image rather than by its installer: the same system, much sooner."""

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

from orchestrator.drivers.boot import sealing
from orchestrator.drivers.boot.goldens import Golden, Goldens
from orchestrator.drivers.boot.method import UNASKED, Method, Rendered
from orchestrator.drivers.boot.rendering import Templates
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import UEFI, Bmc, Node, Provenance
from orchestrator.model.secret import Secret
from orchestrator.ports.bays import Bays

_SCRIPT = "image.ipxe.j2"
_FROM_DISK = "#!ipxe\nexit\n"
#: how much of a key names an image
SHORT = 12
#: the machine that stands for all: what differs from node to node is not in an image
ANYBODY = Node(
    name="anybody",
    mac="52:54:00:00:00:00",
    bmc=Bmc(address="192.0.2.1", port=623, user="", password=Secret("")),
    provenance=Provenance.PHYSICAL,
    capabilities=frozenset(),
    address="192.0.2.2",
)
#: the same as an emulated machine: on a busy host the kernel must not take its timer for broken
EMULATED = replace(ANYBODY, provenance=Provenance.EMULATED)
_ANY_ATTEMPT = AttemptId("0/image/1")
_ANY_URL = "http://192.0.2.3/boot/token"
_ANY_HOST = "mirror.invalid"


def key(image: Image, method: Method, *, uefi: bool = False) -> str:
    """Return the hash (SHA-256, hex) of all that goes into an install of `image`.

    Where files and packages are fetched from is not in it: they are the same from any place. The
    firmware is: an installer divides the disk as it wants, and puts the loader where it looks.
    """
    files = (image.kernel, image.initrd, *(path for _, path in image.extras))
    # What a role asks is answered by what is rendered; where it was written is nobody's matter.
    plain = replace(image, answers=()) if image.method in UNASKED else image
    placeless = replace(plain, kernel="", initrd="", mirror_host=_ANY_HOST, role="")
    rendered = method.render(ANYBODY, placeless, _ANY_ATTEMPT, _ANY_URL)
    seal = (sealing.script(), sealing.forget())
    firmware = (UEFI,) if uefi else ()
    parts = (
        rendered.script,
        rendered.answers,
        _said(replace(placeless, extras=())),
        *seal,
        *firmware,
    )
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in map(Path, files):
        stat = path.stat()
        digest.update(_content(path, stat.st_size, stat.st_mtime_ns).encode())
    return digest.hexdigest()


def _said(image: Image) -> str:
    """Return what is said of an image; what is left as it is by default is not told.

    So a field that only other installers know changes no key.
    """
    told = ((known.name, known.default, getattr(image, known.name)) for known in fields(image))
    return repr([(name, value) for name, default, value in told if value != default])


@cache
def _content(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def boot_script(golden: Golden, *, write: bool, **values: object) -> str:
    """Return the iPXE script that boots a golden image; with `write`, it first writes the disk.

    `values` are the template's own: node, image, attempt, url.
    """
    return Templates().fill(_SCRIPT, golden=golden, write=write, **values)


class EmptyBay:
    """Installs on an empty disk; only an emulated machine's bay can be emptied beforehand."""

    def __init__(self, inner: Method, bays: Bays | None) -> None:
        """Take the installer's method, and the bays of emulated machines."""
        self._inner = inner
        self._bays = bays

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the installer's offer."""
        if self._bays and node.provenance is Provenance.EMULATED:
            self._bays.blank(node)
        return self._inner.render(node, image, attempt, url)


class ImageMethod:
    """Offers the golden image of what was asked for, or its installer while there is none.

    A RAM disk writes the image; with `lay`, the disk is laid into the machine's bay instead.
    """

    def __init__(
        self,
        goldens: Goldens,
        installer: Method,
        otherwise: Method,
        lay: Callable[[Node, str], None] | None = None,
    ) -> None:
        """Take the images, the installer's method, what is offered while there is no image of it.

        `lay` puts an image's folder into a node's bay.
        """
        self._goldens = goldens
        self._installer = installer
        self._otherwise = otherwise
        self._lay = lay

    def find(self, node: Node, image: Image) -> Golden | None:
        """Return the golden image of `image` for the node's firmware, if it was built."""
        return self._goldens.find(key(image, self._installer, uefi=node.uefi))

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the boot of the image, or the installer's offer."""
        golden = self.find(node, image)
        if golden is None:
            return self._otherwise.render(node, image, attempt, url)
        if self._lay:
            self._lay(node, str(golden.folder))
        values = {"node": node, "image": image, "attempt": attempt, "url": url}
        script = boot_script(golden, write=self._lay is None, **values)
        return Rendered(script=script, image=f"{image.name}@{golden.key[:SHORT]}")


class CloneMethod:
    """Wakes an emulated machine up as a copy of a template that runs already."""

    def __init__(self, images: ImageMethod, bays: Bays) -> None:
        """Take what is offered when there is no template, and the machines' bays."""
        self._images = images
        self._bays = bays

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return an offer that needs no network boot, or the image's."""
        golden = self._images.find(node, image)
        if golden and self._bays.clone(node, str(golden.folder), url):
            name = f"{image.name}@{golden.key[:SHORT]}+memory"
            return Rendered(script=_FROM_DISK, image=name)
        return self._images.render(node, image, attempt, url)

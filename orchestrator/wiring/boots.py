"""The ways in which a lab's nodes are installed, by the name that a node gives."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.drivers.boot.esxi import EsxiMethod
from orchestrator.drivers.boot.fai import FaiMethod
from orchestrator.drivers.boot.goldens import Goldens
from orchestrator.drivers.boot.image import CloneMethod, EmptyBay, ImageMethod
from orchestrator.drivers.boot.install import InstallBoot
from orchestrator.drivers.boot.method import Method
from orchestrator.drivers.boot.preseed import PreseedMethod
from orchestrator.drivers.boot.windows import WindowsMethod
from orchestrator.drivers.boot.xenserver import XenServerMethod
from orchestrator.model.image import Image
from orchestrator.model.node import Node, Provenance
from orchestrator.ports.bays import Bays
from orchestrator.ports.boot import Boot
from orchestrator.ports.store import Offers
from orchestrator.web.house import ImageFiles
from orchestrator.wiring.home import Home
from orchestrator.wiring.lab import LabParts

#: who knows which installer
INSTALLERS: Mapping[str, Method] = {
    "preseed": PreseedMethod(),
    "fai": FaiMethod(),
    "xenserver": XenServerMethod(),
    "esxi": EsxiMethod(),
    "windows": WindowsMethod(),
}


def boots(home: Home, lab: LabParts, offers: Offers, url: str) -> dict[str, Boot]:
    """Return the boot drivers: `install`, `image`, and for emulated nodes `overlay`, `clone`."""
    made = {name: _boot(home, lab, offers, url, m) for name, m in _methods(lab).items()}
    return dict(made)


def _boot(
    home: Home, lab: LabParts, offers: Offers, url: str, methods: Mapping[str, Method]
) -> InstallBoot:
    keys = home.folder / "keys"
    return InstallBoot(offers, partial(_boot_url, lab, url), lab.images, keys, methods)


def _boot_url(lab: LabParts, url: str, node: Node) -> str:
    """Return the boot server as the node reaches it."""
    inside = lab.seen_as and node.provenance is Provenance.EMULATED
    return f"http://{lab.seen_as}:{urlsplit(url).port}/boot" if inside else f"{url}/boot"


def _methods(lab: LabParts) -> dict[str, dict[str, Method]]:
    """Return for each way the methods by installer."""
    first = {name: EmptyBay(method, lab.bays) for name, method in INSTALLERS.items()}
    ways: dict[str, dict[str, Method]] = {"install": dict(first), "image": {}}
    for name, method in INSTALLERS.items():
        written = EmptyBay(ImageMethod(lab.goldens, method, method), lab.bays)
        ways["image"][name] = written
    return ways | (_in_bays(lab.goldens, first, lab.bays) if lab.bays else {})


def _in_bays(
    goldens: Goldens, first: Mapping[str, Method], bays: Bays
) -> dict[str, dict[str, Method]]:
    ways: dict[str, dict[str, Method]] = {"overlay": {}, "clone": {}}
    for name, method in INSTALLERS.items():
        laid = ImageMethod(goldens, method, first[name], bays.overlay)
        ways["overlay"][name] = laid
        ways["clone"][name] = CloneMethod(laid, bays)
    return ways


def files(lab: LabParts, name: str) -> ImageFiles | None:
    """Return what is served of an image: of a lab's own, or of a golden one `NAME@KEY`."""
    base, _, key = name.partition("@")
    if image := lab.images.get(base) if not key else None:
        return _installer(image)
    golden = lab.goldens.find(key.partition("+")[0])
    if golden is None:
        return None
    return ImageFiles(kernel=golden.kernel, initrd=golden.initrd, extras=golden.extras())


def _installer(image: Image) -> ImageFiles:
    extras = {name: Path(path) for name, path in image.extras}
    return ImageFiles(
        kernel=Path(image.kernel),
        initrd=Path(image.initrd),
        extras=extras,
        licence=image.licence,
    )

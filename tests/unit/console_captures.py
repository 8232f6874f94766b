"""Consoles of emulated machines as they were recorded, cut to their ends; tokens are made up."""

from pathlib import Path

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.console.sol import SolConsole
from orchestrator.model.verdict import Blame

INFRA, CONFIG = Blame.INFRA, Blame.CONFIG
FOLDER = Path(__file__).with_name("consoles")

#: by file: whose it is, and the words that the cause must hold
FAILED = {
    "disk-too-small": (INFRA, "could not partition the disk (!! ERROR: Failed to partition"),
    "fai-config-space-404": (INFRA, "FAI could not fetch a file (curl: (22) The requested URL"),
    "fai-disk-too-small": (CONFIG, "FAI could not partition the disk (Sorry, can't create a part"),
    "home-failed": (INFRA, "could not make itself this machine's own ([FAILED] Failed to st"),
    "image-too-large": (INFRA, "does not fit the disk (smoketest: disk full: the image has 85"),
    "kernel-404": (INFRA, "linux... No such file or directory (http://ipxe.org/2d0c613b))"),
    "mirror-down": (INFRA, "cannot use its mirror (!! ERROR: Bad archive mirror)"),
    "no-disk": (INFRA, "the installer finds no disk"),
    "no-language": (CONFIG, "a question that our answers leave open (Select a language)"),
    "no-root-password": (CONFIG, "asks for a password (Root password:)"),
    "preseed-404": (INFRA, "could not fetch its answers"),
    "wrong-suite": (CONFIG, "does not have the image's release (The specified (default) Debian"),
    "xen-dom0-crash": (INFRA, "domain 0 crashed ((XEN) Domain 0 (vcpu#0) crashed on cpu#0:)"),
    "xen-not-readable": (INFRA, "GRUB cannot read Xen (error: no multiboot header found.)"),
}

#: what a machine tries again and again: it is the cause only once its time is up
TRYING = {"initrd-404": "initrd.gz... No such file or directory (http://ipxe.org/2d0c613b))"}

GOOD = ("good-fai", "good-install", "good-xen")


def cleaned(name: str) -> tuple[str, ...]:
    """Return all that the recorded console shows, as `Console.tail` reads it."""
    file = FOLDER / f"{name}.log"
    return SolConsole(WarmChildren()).tail(str(file), file.stat().st_size)

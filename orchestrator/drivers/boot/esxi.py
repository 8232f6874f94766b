"""ESXi: its own boot loader over HTTP, a ks.cfg, and a first boot that calls home."""

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.parts import means, need, refuse, rendered, values
from orchestrator.drivers.boot.rendering import TEMPLATES, Templates
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import value
from orchestrator.model.node import Node

#: GiB that the installer wants at least, of release 8
LEAST_GIB = 32
#: the loader's configuration as it is on the installation media
BOOT_CFG = "boot.cfg"
_SECTIONS = frozenset({"%pre", "%post", "%firstboot"})
_VALUE = r"[^\s'\"]+|'[^']*'"
#: what each command may be followed by: its options, and whether they have values
_COMMANDS: dict[str, dict[str, str]] = {
    "vmaccepteula": {},
    "rootpw": {"": _VALUE, "--iscrypted": ""},
    "install": {
        "--disk": r"[\w.:]+",
        "--firstdisk": r"([\w,]+)?",
        "--overwritevmfs": "",
        "--preservevmfs": "",
        "--novmfsondisk": "",
    },
    "network": {
        "--bootproto": "dhcp|static",
        "--device": r"vmnic\d+|[0-9a-f]{2}(:[0-9a-f]{2}){5}",
        "--vlanid": r"[1-9]\d{0,3}",
        "--hostname": r"[\w.-]+",
        "--addvmportgroup": "[01]",
        "--ip": r"[\d.]+",
        "--netmask": r"[\d.]+",
        "--gateway": r"[\d.]+",
        "--nameserver": r"[\d.,]+",
    },
    "keyboard": {"": "'[^']+'"},
    "reboot": {"--noeject": ""},
    "%firstboot": {"--interpreter": "busybox|python"},
    "%post": {"--interpreter": "busybox|python", "--ignorefailure": "true|false"},
    "%pre": {"--interpreter": "busybox|python"},
}
_REQUIRED = ("vmaccepteula", "rootpw", "install", "network", "reboot", "%firstboot")


class EsxiMethod:
    """Answers every question of the installer: one disk, one card, root by key."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        """Take the folder that has `esxi/` with the templates."""
        self._templates = Templates(templates)

    def render(self, node: Node, image: Image, attempt: AttemptId, url: str) -> Rendered:
        """Return the boot script and the answers, looked over."""
        need(image, (BOOT_CFG,))
        brings = means(node, image, LEAST_GIB, licensed=False)
        refuse(image, brings)
        kernel, modules = loaded(Path(dict(image.extras)[BOOT_CFG]))
        filled = values(node, image, attempt, url, brings)
        filled |= {"disk": value(image.answers, "disk"), "kernel": kernel, "modules": modules}
        checks = {"ks.cfg": faults, "boot.cfg": boot_faults}
        return rendered(self._templates, "esxi", filled, checks)


def loaded(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the kernel and the modules that the media's boot.cfg names, without leading slash."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); take it from the media") from error
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    modules = tuple(word.strip().lstrip("/") for word in found.get("modules", "").split("---"))
    if not found.get("kernel") or not all(modules):
        raise ConfigError(f"{path}:1: names no kernel and modules; take it from the media")
    return found["kernel"].strip().lstrip("/"), modules


def boot_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a boot.cfg, `LINE: sentence` each."""
    found = [
        f"{number}: is not KEY=VALUE"
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not re.fullmatch(r"[a-z]+=.*", line)
    ]
    last = len(text.splitlines())
    keys = {line.partition("=")[0] for line in text.splitlines()}
    wanted = ("prefix", "kernel", "kernelopt", "modules")
    return (*found, *(f"{last}: no {key}=" for key in wanted if key not in keys))


def faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a ks.cfg, `LINE: sentence` each."""
    found: list[str] = []
    seen: set[str] = set()
    script = False
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        words = re.findall(r"(?:[^\s']|'[^']*')+", line.partition("#")[0] if not script else line)
        if not words or (script and words[0] not in _SECTIONS):
            continue
        script = words[0] in _SECTIONS
        seen.add(words[0])
        found += [f"{number}: {fault}" for fault in _command(words[0], words[1:])]
    found += [f"{len(lines)}: no {name}" for name in _REQUIRED if name not in seen]
    return tuple(found)


def _command(name: str, words: list[str]) -> Iterator[str]:
    known = _COMMANDS.get(name)
    if known is None:
        yield f"{name} is no command of an installation script"
        return
    for word in words:
        option, _, given = word.partition("=") if word.startswith("--") else ("", "", word)
        if option not in known:
            yield f"{name} does not take {option or given!r}"
        elif not re.fullmatch(known[option], given):
            yield f"{name} cannot have {option or 'the value'} {given!r}"
    if name == "install" and {w.partition("=")[0] for w in words}.isdisjoint(
        {"--disk", "--firstdisk"}
    ):
        yield "install names no disk"

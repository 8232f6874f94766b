"""What the methods of hypervisors have in common: answers in parts, looked over before use."""

from collections.abc import Callable, Mapping, Sequence

from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.rendering import Templates
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import Means, faults, nic_mac, value
from orchestrator.model.node import Node
from orchestrator.model.offer import parts

#: what looks a part over: `LINE: sentence` for each fault
Checks = Mapping[str, Callable[[str], tuple[str, ...]]]
#: letters of every kind that rules of passwords ask for
_KINDS = "aA1!"


def means(node: Node, image: Image, least_gib: int, *, licensed: bool) -> Means:
    """Return what the machine and the image bring along."""
    return Means(
        node=node.name,
        mac=node.mac,
        nics=node.nics,
        disks=node.disks,
        image=image.name,
        licence=image.licence is not None,
        least_gib=least_gib,
        licensed=licensed,
    )


def refuse(image: Image, brings: Means) -> None:
    """Raise `ConfigError` with `file:line` for what the machine or the image cannot give."""
    where = image.role or f"image {image.name}"
    if wrong := faults(image.answers, where, brings):
        raise ConfigError("; ".join(wrong))


def need(image: Image, names: Sequence[str]) -> None:
    """Raise `ConfigError` for a file that the image must have among its extras."""
    there = dict(image.extras)
    if missing := [name for name in names if name not in there]:
        msg = f"image {image.name} has no {missing[0]} among its extras, which its installer needs"
        raise ConfigError(msg)


def values(
    node: Node, image: Image, attempt: AttemptId, url: str, brings: Means
) -> dict[str, object]:
    """Return what the templates are filled with.

    The password is the one-time token: the system takes one of its own before it calls home.
    """
    return {
        "node": node,
        "image": image,
        "attempt": attempt,
        "url": url,
        "mac": nic_mac(image.answers, brings),
        "nic": value(image.answers, "nic"),
        "vlan": value(image.answers, "vlan"),
        "timezone": value(image.answers, "timezone", "Etc/UTC"),
        "licence": brings.licence,
        "password": url.rpartition("/")[2] + _KINDS,
    }


def rendered(
    templates: Templates, folder: str, filled: Mapping[str, object], checks: Checks
) -> Rendered:
    """Return the folder's boot script and answers; raise `ConfigError` for what is wrong in them.

    A fault is told by the template's file and the line of the rendered text.
    """
    name = f"{folder}/answers.j2"
    answers = templates.fill(name, **filled)
    found = parts(answers)
    for part, check in checks.items():
        if wrong := check(found[part]):
            msg = f"{templates.path(name)}: in {part}, line {wrong[0]}"
            raise ConfigError(msg)
    script = templates.fill(f"{folder}/boot.ipxe.j2", **filled)
    return Rendered(script=script, answers=answers)

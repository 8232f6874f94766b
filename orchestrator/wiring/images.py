"""Golden images of a lab's images: which there are, and how one is built."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from orchestrator.config import labfile as config
from orchestrator.config.emulated import Emulated
from orchestrator.drivers.boot import sealing
from orchestrator.drivers.boot.goldens import Golden
from orchestrator.drivers.boot.image import EMULATED, boot_script, key
from orchestrator.lab import box
from orchestrator.lab.qemu import builder, packages, template
from orchestrator.lab.qemu.builder import Built, Order
from orchestrator.lab.shape import Shape
from orchestrator.model.errors import ConfigError, NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.wiring import emulated
from orchestrator.wiring.boots import INSTALLERS
from orchestrator.wiring.lab import KNOWN, QEMU, SHIPPED_LAB

#: with less, the Debian installer goes into its low memory mode, which asks
_LEAST_MIB = 1024
_BUILD = AttemptId("0/image/1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An image of a lab, and whether it was built."""

    name: str
    method: str
    key: str
    built: bool
    #: a running template stands beside it, for clones
    template: bool


def known(lab: str) -> tuple[Known, ...]:
    """Return the lab's images; raise `ConfigError` for a lab without emulated machines."""
    wanted, found = _images(lab)
    return tuple(_look(image, wanted) for image in found.values())


def build(
    home: Path, lab: str, name: str, say: Callable[[str], None], *, again: bool = False
) -> Built | None:
    """Build the golden image of `name`, and the template for clones of it; return the seconds.

    An image that is there is kept, since machines may run from it, unless it is asked for `again`;
    None then. Raises `NotFound`, `ConfigError`, or `InfraError` with the console's last words.
    """
    wanted, found = _images(lab)
    if name not in found:
        raise NotFound(f"this lab has no image {name!r}; it has {', '.join(found)}")
    image = found[name]
    with emulated.building(), _packages(home, wanted):
        there = _look(image, wanted)
        built = builder.build(_order(image, wanted, say)) if again or not there.built else None
        if built or not there.template:
            say("making a template for clones of it")
            _make_template(image, emulated.shape(wanted))
    return built


def _make_template(image: Image, shape: Shape) -> float:
    """Make the template of a golden image that is there; return the seconds."""
    golden = _golden(image, shape)
    values = {"node": EMULATED, "image": image, "attempt": _BUILD}
    script = partial(boot_script, golden, write=False, **values)
    return template.make(golden.folder, lambda url: script(url=url), shape)


def _golden(image: Image, shape: Shape) -> Golden:
    golden = emulated.goldens().find(key(image, INSTALLERS[image.method], uefi=shape.uefi))
    if golden is None:
        raise NotFound(f"{image.name} has no golden image: `smoketest image build {image.name}`")
    return golden


def _images(lab: str) -> tuple[Emulated, dict[str, Image]]:
    file = config.load(SHIPPED_LAB if lab == QEMU else Path(lab), drivers=KNOWN)
    if file.emulated is None:
        msg = f"{file.path} has no table [emulated]: images are built on an emulated machine"
        raise ConfigError(msg)
    port = emulated.packages_port(file.emulated)
    return file.emulated, emulated.images(dict(file.images), file.emulated, port)


def _look(image: Image, wanted: Emulated) -> Known:
    found = key(image, INSTALLERS[image.method], uefi=wanted.uefi)
    golden = emulated.goldens().find(found)
    cloneable = golden is not None and template.fits(golden.folder, emulated.shape(wanted))
    return Known(
        name=image.name,
        method=image.method,
        key=found,
        built=golden is not None,
        template=cloneable,
    )


def _order(image: Image, wanted: Emulated, say: Callable[[str], None]) -> Order:
    method = INSTALLERS[image.method]
    shape = emulated.shape(wanted)

    def render(url: str) -> tuple[str, str]:
        rendered = method.render(EMULATED, image, _BUILD, url)
        return rendered.script, rendered.answers

    return Order(
        folder=emulated.goldens().folder(key(image, method, uefi=shape.uefi)),
        render=render,
        kernel=Path(image.kernel),
        initrd=Path(image.initrd),
        extras={name: Path(path) for name, path in image.extras},
        seal=sealing.script(),
        forget=sealing.forget(),
        shape=replace(shape, memory_mib=max(shape.memory_mib, _LEAST_MIB)),
        say=say,
    )


@contextmanager
def _packages(home: Path, wanted: Emulated) -> Iterator[None]:
    """Have a package cache run: that of the home's lab, or one of our own."""
    if box.attach(home / "lab"):
        yield
        return
    with packages.running(emulated.packages_command(wanted)):
        yield

"""The lab file's images: what machines are installed with."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.config import values
from orchestrator.model.document import Entry
from orchestrator.model.image import Image

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
#: what may be left out
_CHOICES = ("udeb_suite", "packages", "partitions", "extras", "sha256", "edition", "licence")
#: install methods that an image may name
METHODS = ("preseed", "fai", "xenserver", "esxi", "windows")
_DEBIAN = frozenset({"preseed", "fai"})
#: those whose installer has no initial RAM disk of its own
_NO_INITRD = frozenset({"esxi"})
_RECIPE = re.compile(r"[a-z0-9][a-z0-9-]*")
_EXTRA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SUM = re.compile(r"[0-9a-f]{64}")


def images(entry: Entry, home: Path, *, emulated: bool = False) -> dict[str, Image]:
    """Return the images of `[images.*]` by name.

    An `emulated` lab has an installer and a mirror of its own: what is left out is empty.
    """
    return {name: _image(name, e, home, emulated) for name, e in entry.table().items()}


def _image(name: str, entry: Entry, home: Path, emulated: bool) -> Image:  # noqa: FBT001
    entry.table("suite", "kernel", "initrd", "mirror", "kernel_package", "method", *_CHOICES)
    method = entry["method"].one_of(METHODS, "preseed")
    host, directory = ("", "") if _given(entry["mirror"], emulated) else _mirror(entry["mirror"])
    files = {
        part: "" if _given(entry[part], left_out) else values.file(entry[part], home)
        for part, left_out in (("kernel", emulated), ("initrd", emulated or method in _NO_INITRD))
    }
    extras = _extras(entry["extras"], home)
    _verify(entry["sha256"], {**files, **extras})
    return Image(
        name=name,
        suite=_suite(entry["suite"], method, emulated),
        kernel=files["kernel"],
        initrd=files["initrd"],
        mirror_host=host,
        mirror_directory=directory,
        kernel_package=entry["kernel_package"].text("linux-image-amd64"),
        method=method,
        edition=entry["edition"].text(""),
        licence=values.secret(entry["licence"], home) if entry["licence"].written else None,
        extras=tuple(extras.items()),
        udeb_suite=entry["udeb_suite"].text(""),
        packages=tuple(_named(item, _PACKAGE, "a package") for item in entry["packages"].items()),
        partitions=_named(entry["partitions"], _RECIPE, "a recipe", "root"),
    )


def _suite(entry: Entry, method: str, emulated: bool) -> str:  # noqa: FBT001
    """Return the release of Debian; hypervisors' own installers have none."""
    if method not in _DEBIAN:
        return entry.text("")
    return entry.text("bookworm") if emulated else entry.text()


def _given(entry: Entry, emulated: bool) -> bool:  # noqa: FBT001
    return emulated and not entry.written


def _extras(entry: Entry, home: Path) -> Mapping[str, str]:
    """Return the paths of more files by the names that the installer asks for."""
    found = {}
    for name, written in entry.table().items():
        if not _EXTRA.fullmatch(name) or name in {"kernel", "initrd"}:
            raise written.wrong(f"`{name}` is no name of an extra file; use letters, digits . _ -")
        found[name] = values.file(written, home)
    return found


def _verify(sums: Entry, files: Mapping[str, str]) -> None:
    """Refuse a file that is not the one whose SHA-256 was written down."""
    given = {name: path for name, path in files.items() if path}
    for name, written in sums.table().items():
        expected = written.text().lower()
        if name not in given:
            advice = f"name it under `{name}`, or remove the sum"
            raise written.wrong(f"`{written.name}` is the sum of no file; {advice}")
        if not _SUM.fullmatch(expected):
            advice = f"write what `sha256sum {given[name]}` prints"
            raise written.wrong(f"`{written.name}` is no SHA-256; {advice}")
        found = _sum(Path(given[name]))
        if found != expected:
            said = f"{given[name]} has the SHA-256 {found}, not {expected}"
            raise written.wrong(f"{said}; fetch it again, or mend `{written.name}`")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mirror(entry: Entry) -> tuple[str, str]:
    """Return a mirror's host and folder."""
    mirror = urlsplit(values.open_url(entry))
    if mirror.scheme != "http" or not mirror.netloc:
        advice = "installers fetch by http://HOST/FOLDER"
        raise entry.wrong(f"`{entry.text()}` is no mirror; {advice}")
    return mirror.netloc, mirror.path or "/"


def _named(entry: Entry, pattern: re.Pattern[str], what: str, default: str = "") -> str:
    """Return a name that may stand in an installer's answers."""
    name = entry.text(default) if default else entry.text()
    if not pattern.fullmatch(name):
        raise entry.wrong(f"`{name}` is no name of {what}; use small letters, digits and -")
    return name

"""FAI's config space: the part that all nodes share, packed as the one file that FAI fetches."""

import hashlib
import io
import re
import tarfile
import tempfile
from pathlib import Path

from orchestrator.drivers.boot.rendering import TEMPLATES
from orchestrator.model.errors import ConfigError

SPACE = TEMPLATES / "fai" / "space"
#: defined by FAI itself for every node
_GIVEN = frozenset({"DEFAULT", "LINUX", "LAST"})
_RUN = ("hooks/", "scripts/", "tests/")
_CLASS = re.compile(r"[A-Z][A-Z0-9_]*")


def pack(space: Path = SPACE) -> bytes:
    """Return the config space as a tar archive; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(space.rglob("*")):
            name = path.relative_to(space).as_posix()
            entry = tarfile.TarInfo(name)
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            elif path.is_file():
                data = path.read_bytes()
                entry.size, entry.mode = len(data), _mode(name)
                archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def kept(cache: Path, space: Path = SPACE) -> Path:
    """Return the packed config space as a file in `cache`, named after its content."""
    packed = pack(space)
    path = cache / f"fai-config-{hashlib.sha256(packed).hexdigest()[:16]}.tar"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as draft:
            draft.write(packed)
        Path(draft.name).replace(path)
    return path


def _mode(name: str) -> int:
    """FAI runs what is executable; a packed checkout or wheel need not say so."""
    numbered = name.startswith("class/") and name[6:8].isdigit()
    return 0o755 if name.startswith(_RUN) or numbered else 0o644


def classes(packed: Path) -> frozenset[str]:
    """Return the classes that a packed config space does something for.

    Raises `ConfigError` when the file is not one.
    """
    try:
        with tarfile.open(packed) as archive:
            names = archive.getnames()
    except (OSError, tarfile.TarError) as error:
        msg = f"{packed} is no packed config space of FAI ({error}); pack it anew"
        raise ConfigError(msg) from error
    words = {word for name in names for word in re.split(r"[/.]", name)}
    return _GIVEN | {word for word in words if _CLASS.fullmatch(word)}

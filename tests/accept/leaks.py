"""Looks for secrets where none may be: in files of a home folder and in command lines."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import yaml

#: the files that are there to hold a secret, by the last parts of their names
MEANT = ("bmc.json", "clouds.yaml", "key", "server.json")
#: the simulated machines' own disks and keys, and the repositories, are not the orchestrator's
FOREIGN = re.compile(r"lab/nodes/[^/]+/(disk|run)/|(^|/)(\.git|repositories|sample)/")
#: of an OpenSSH key file: those before it hold the public half
_PRIVATE_LINE = 4
_PROC = Path("/proc")


def secrets_of(home: Path) -> Mapping[str, str]:
    """Return every secret that the home holds now, by what it is."""
    found = {"our key": (home / "key").read_text().strip()}
    found["the operator's token"] = json.loads((home / "server.json").read_text())["token"]
    for path in (home / "lab" / "nodes").glob("*/bmc.json"):
        found[f"BMC of {path.parent.name}"] = json.loads(path.read_text())["password"]
    for path in (home / "attempts").rglob("clouds.yaml"):
        cloud = yaml.safe_load(path.read_text())["clouds"]["smoketest"]
        found[f"admin of {path.parent}"] = cloud["auth"]["password"]
    for path in (home / "keys").glob("*"):
        if path.is_file():
            found[f"SSH key of {path.name}"] = path.read_text().splitlines()[_PRIVATE_LINE]
    return found


def leaks(home: Path, known: Mapping[str, str]) -> list[str]:
    """Return where which secret of `known` is found, in any of its usual spellings."""
    spelled = {name: spellings(secret) for name, secret in known.items()}
    places = [*_files(home), *_commands()]
    return [
        f"{name} in {where}"
        for where, content in places
        for name, forms in spelled.items()
        if any(form in content for form in forms)
    ]


def spellings(secret: str) -> tuple[bytes, ...]:
    """Return the secret as it is, in base64, as in a URL, and in hexadecimal."""
    raw = secret.encode()
    encoded = base64.b64encode(raw).rstrip(b"=")[:-1]
    return raw, encoded, quote(secret, safe="").encode(), raw.hex().encode()


def _files(home: Path) -> Iterator[tuple[str, bytes]]:
    for path in home.rglob("*"):
        name = str(path.relative_to(home))
        meant = path.name in MEANT or name.startswith("keys/")
        if not meant and not FOREIGN.search(name):
            try:
                yield name, path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:  # it went while we looked
                continue


def _commands() -> Iterable[tuple[str, bytes]]:
    for path in _PROC.glob("[0-9]*/cmdline"):
        try:
            yield f"the command line of process {path.parent.name}", path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # it ended
            continue

"""A Debian file system as a tar archive, built by mmdebstrap; packages are checked by apt."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.qemu.archive import KEYRING
from orchestrator.model.errors import ConfigError

_DOCUMENTS = ("man", "doc", "doc-base", "locale", "info", "lintian", "i18n/locales")
_OPTIONS = (
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--aptopt=Acquire::Retries 3",
    "--aptopt=Acquire::http::Timeout 30",
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _DOCUMENTS),
)
#: what it may take to clean up after itself
_GRACE = 30.0
_NO_MODE = (
    "as an ordinary user it needs user namespaces: type: apt-get install uidmap,"
    " and see that /etc/subuid and /etc/subgid name you; or run this once as root"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a file system is made of."""

    suite: str
    #: URL of the Debian mirror
    mirror: str
    #: as mmdebstrap knows them: `essential` is without apt, `minbase` with it
    variant: str
    packages: tuple[str, ...]
    #: shell commands, run after the essential packages; `$1` is the new root
    setup: tuple[str, ...] = ()


def build(recipe: Recipe, target: Path, end: float) -> None:
    """Write the file system to `target` before `end` (of `time.monotonic`).

    Runs as root or, in a user namespace, as anybody. Raises `ConfigError`.
    """
    command = [
        *("mmdebstrap", "--mode=auto", f"--variant={recipe.variant}", f"--keyring={KEYRING}"),
        *(*_OPTIONS, *(f"--essential-hook={step}" for step in recipe.setup)),
        *(f"--include={','.join(recipe.packages)}", recipe.suite, str(target), recipe.mirror),
    ]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = child.communicate(timeout=max(end - time.monotonic(), 0.1))[1]
    except subprocess.TimeoutExpired:
        _stop(child)
        advice = "is the mirror slow? try again"
        raise ConfigError(f"mmdebstrap ran out of time at {recipe.mirror}; {advice}") from None
    if child.returncode != 0:
        raise ConfigError(f"mmdebstrap could not build {target.name}: {_cause(said)}")


def _stop(child: subprocess.Popen[str]) -> None:
    """Ask first: it has mounts and a folder to clear away."""
    child.terminate()
    try:
        child.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _cause(said: str) -> str:
    if "chroot mode" in said or "unshare" in said or "newuidmap" in said:
        return _NO_MODE
    lines = [line for line in said.splitlines() if line.startswith("E:")]
    return (lines or said.strip().splitlines() or ["it said nothing"])[0]

"""Changes to the sample product, as its developers make them: in a clone, with git."""

import subprocess
from pathlib import Path

DRIVERS = "stratus/drivers"
OLD_WAY = 'instance["mac_address"].split(",")'


def git(folder: Path, *words: str) -> str:
    """Return what git prints."""
    command = ["git", "-C", str(folder), "-c", "advice.detachedHead=false", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def patch(clone: Path, ref: str, driver: str, new: str) -> str:
    """Return the diff that has a driver find its MAC addresses in another way."""
    git(clone, "checkout", "--quiet", "--force", f"origin/{ref}")
    path = clone / DRIVERS / f"{driver}.py"
    path.write_text(path.read_text().replace(OLD_WAY, new))
    return git(clone, "diff")

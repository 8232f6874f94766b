"""Makes the sample product's git repository: the same files give the same commit ids.

`product-tree/` is the head of `trunk`. The last commits of trunk each add files to the first one,
so each of them runs on the hypervisors and networks that it has. `branches/NAME/*.patch` go on
top of trunk, and become branch NAME.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.model.errors import ConfigError

TRUNK = "trunk"
_HERE = Path(__file__).parent
_TREE = _HERE / "product-tree"
_BRANCHES = _HERE / "branches"
_MARKER = "smoketest-sample"
_GIT_SECONDS = 60.0
_WHO = ("Stratus developers", "stratus@example.org")
_FIRST_COMMIT = datetime(2026, 1, 5, 9, tzinfo=UTC)
_BETWEEN_COMMITS = timedelta(hours=5)
_START = "Start stratus: a compute service in plain Python, on KVM with flat networks"
#: subject, and the files that the commit adds to those before it
_LATER = (
    ("Run on XenServer", "stratus/drivers/xenserver.py"),
    ("Run on Hyper-V", "stratus/drivers/hyperv.py"),
    ("Run on VMware", "stratus/drivers/vmware.py"),
    ("Give each network a VLAN of its own", "stratus/network/vlan.py"),
    ("Lease the flat networks' addresses by DHCP", "stratus/network/flat_dhcp.py"),
    ("Tunnel each network by VXLAN", "stratus/network/vxlan.py"),
    ("Say how to run it", "README.md"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Git:
    """Runs git in `folder`, deaf to the configuration of the machine and the user."""

    folder: Path
    #: date of the commits made through it
    date: datetime = _FIRST_COMMIT

    def __call__(self, *words: str) -> str:
        """Return what git prints; raise `ConfigError` with its complaint."""
        try:
            done = subprocess.run(
                ["git", "-C", str(self.folder), *words],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"cannot make the sample product with git: {error}") from error
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise ConfigError(f"cannot make the sample product: git {words[0]}: {said[0]}")
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        name, email = _WHO
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": self.date.isoformat(),
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_COMMITTER_DATE": self.date.isoformat(),
        }


def make(path: Path) -> Path:
    """Return `path`, a repository with the sample product's branches, `trunk` checked out.

    Nothing happens to one that is up to date; an older one gets the new branches, and keeps its
    other branches and uncommitted work. Raises `ConfigError` when `path` is something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.draft-*"):
        shutil.rmtree(left, ignore_errors=True)
    marker = path / ".git" / _MARKER
    wanted = _digest()
    if marker.exists() and marker.read_text() == wanted:
        return path
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.draft-", dir=path.parent))
    _build(draft)
    (draft / ".git" / _MARKER).write_text(wanted)
    if not path.exists():
        draft.chmod(0o755)
        return draft.rename(path)
    if not marker.exists():
        shutil.rmtree(draft)
        raise ConfigError(f"{path} is not the sample product's repository: move it away")
    _renew(path, draft)
    marker.write_text(wanted)
    shutil.rmtree(draft)
    return path


def branches() -> tuple[str, ...]:
    """Return the branches that `make` makes, trunk first."""
    return (TRUNK, *sorted(folder.name for folder in _BRANCHES.iterdir() if folder.is_dir()))


def _digest() -> str:
    """Return what changes whenever the repository would."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in (*_files(), *sorted(_BRANCHES.rglob("*.patch"))):
        digest.update(str(path.relative_to(_HERE)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files() -> list[Path]:
    found = (path for path in _TREE.rglob("*") if path.is_file())
    return sorted(path for path in found if path.parent.name != "__pycache__")


def _build(folder: Path) -> None:
    git = _Git(folder=folder)
    git("init", "--quiet", f"--initial-branch={TRUNK}", "--template=")
    later = {name for _, name in _LATER}
    first = [str(path.relative_to(_TREE)) for path in _files()]
    _commit(folder, 0, _START, [name for name in first if name not in later])
    for number, (subject, name) in enumerate(_LATER, start=1):
        _commit(folder, number, subject, [name])
    for branch in branches()[1:]:
        git("checkout", "--quiet", "-b", branch, TRUNK)
        for patch in sorted((_BRANCHES / branch).glob("*.patch")):
            _apply(git, patch)
    git("checkout", "--quiet", TRUNK)


def _commit(folder: Path, number: int, subject: str, names: list[str]) -> None:
    git = _Git(folder=folder, date=_FIRST_COMMIT + number * _BETWEEN_COMMITS)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_TREE / name, folder / name)
    git("add", "--", *names)
    git("commit", "--quiet", "--no-gpg-sign", f"--message={subject}")


def _apply(git: _Git, patch: Path) -> None:
    try:
        git("am", "--quiet", "--no-gpg-sign", "--committer-date-is-author-date", str(patch))
    except ConfigError as error:
        where = patch.relative_to(_HERE)
        msg = f"{where} does not apply to the sample's trunk any more, refresh it ({error})"
        raise ConfigError(msg) from error


def _renew(path: Path, draft: Path) -> None:
    """Move our branches in `path` to those of `draft`."""
    git = _Git(folder=path)
    clean = not git("status", "--porcelain")
    git("fetch", "--quiet", "--update-head-ok", str(draft), "+refs/heads/*:refs/heads/*")
    if clean:
        git("reset", "--quiet", "--hard")

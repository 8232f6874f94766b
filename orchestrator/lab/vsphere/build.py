"""Builds the vSphere simulator from Debian's Go packages, once for each state of its sources.

`python -m orchestrator.lab.vsphere.build FOLDER` prints where the program and the description of
its API are, as JSON.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from orchestrator.model.errors import ConfigError

HERE = Path(__file__).parent
PROGRAM = tuple(sorted((HERE / "simulator").glob("*.go")))
DESCRIBER = HERE / "describe.py"
SOURCES = (*PROGRAM, DESCRIBER)
GOPATH = Path("/usr/share/gocode")
GOVMOMI = GOPATH / "src" / "github.com" / "vmware" / "govmomi" / "simulator"
#: what brings Go and govmomi
NEEDS = ("golang-go", "golang-github-vmware-govmomi-dev")
#: what the API's description is made from
DESCRIBED_BY = ("oslo.vmware==4.10.0", "pyvmomi==8.0.3.0.1")
_SECONDS = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The simulator: its program, and the folder that describes its API."""

    program: str
    description: str

    def command(self, address: str, port: int) -> tuple[str, ...]:
        """Return what starts it; user and password come as VSPHERE_USER and VSPHERE_PASSWORD."""
        return (self.program, f"--listen={address}:{port}", f"--wsdl={self.description}")


def missing() -> str:
    """Return what to type so that it can be built here; nothing if it can."""
    if shutil.which("go") and GOVMOMI.is_dir():
        return ""
    return f"apt-get install --no-install-recommends {' '.join(NEEDS)}"


def ready(folder: Path) -> Built:
    """Return the simulator, built below `folder` unless it is there; raise `ConfigError`."""
    state = sha256(b"".join(path.read_bytes() for path in SOURCES) + repr(DESCRIBED_BY).encode())
    home = folder / f"vsphere-{state.hexdigest()[:16]}"
    built = Built(program=str(home / "vsphere"), description=str(home / "wsdl"))
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "vsphere.lock"):
        if not home.is_dir():
            _build(folder, home)
    return built


def _build(folder: Path, home: Path) -> None:
    """Build into a draft, and put it in place whole."""
    if todo := missing():
        msg = f"the vSphere simulator needs Go and govmomi: type {todo}"
        raise ConfigError(msg)
    with tempfile.TemporaryDirectory(prefix="vsphere-new-", dir=folder) as scratch:
        draft, venv = Path(scratch) / "draft", Path(scratch) / "venv"
        draft.mkdir()
        go = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "-trimpath"}
        _run(["go", "build", "-o", str(draft / "vsphere"), *map(str, PROGRAM)], go)
        _run([sys.executable, "-m", "venv", str(venv)])
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        _run([str(venv / "bin" / "pip"), "install", *quiet, *DESCRIBED_BY])
        _run([str(venv / "bin" / "python"), str(DESCRIBER), str(draft / "wsdl")])
        draft.rename(home)


def _run(argv: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **(more or {})},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"the vSphere simulator cannot be built: {error}"
        raise ConfigError(msg) from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()
        msg = f"the vSphere simulator cannot be built: {Path(argv[0]).name}: {words[-1]}"
        raise ConfigError(msg)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep every other process out meanwhile."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(json.dumps(asdict(ready(Path(sys.argv[1])))))

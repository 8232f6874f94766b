"""Finds a real OpenSSH server, or unpacks one without installing it as a service."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.errors import ConfigError

_INSTALL = "type: sudo apt-get install openssh-server"
_PACKAGES = ("openssh-server", "openssh-sftp-server")
#: which Debian package holds a library that sshd may lack
_LIBRARIES = {
    "libaudit.so.1": "libaudit1",
    "libcom_err.so.2": "libcom-err2",
    "libcrypt.so.1": "libcrypt1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libk5crypto.so.3": "libk5crypto3",
    "libkrb5.so.3": "libkrb5-3",
    "libkrb5support.so.0": "libkrb5support0",
    "libpam.so.0": "libpam0g",
    "libselinux.so.1": "libselinux1",
    "libsystemd.so.0": "libsystemd0",
    "libwrap.so.0": "libwrap0",
    "libwtmpdb.so.0": "libwtmpdb0",
}
_DOWNLOAD_SECONDS = 120
_SESSION_FOLDERS = ("usr/lib/openssh", "usr/libexec/openssh", "usr/libexec", "usr/lib/ssh")
_VERSION = re.compile(r"OpenSSH_(\d+)\.(\d+)")
_PENALTIES_SINCE = (9, 8)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An OpenSSH server that can be run."""

    sshd: Path
    #: for LD_LIBRARY_PATH, empty when it needs none
    libraries: str
    #: for `-o`, beyond what every version takes
    options: tuple[str, ...]
    sftp_server: Path | None


def default_cache() -> Path:
    """Return the folder where an unpacked server is kept between labs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "smoketest" / "openssh"


def find(cache: Path | None = None) -> Path | None:
    """Return an sshd: the system's, or the one that `fetch` left in `cache`; None if neither."""
    system = shutil.which("sshd", path=os.environ.get("PATH", "") + ":" + _SYSTEM_PATH)
    if system is not None:
        return Path(system)
    return None if cache is None else _unpacked(cache)


def _unpacked(cache: Path) -> Path | None:
    sshd = cache / "usr/sbin/sshd"
    return sshd if sshd.exists() else None


def fetch(cache: Path) -> Path:
    """Download the server's Debian packages, unpack them in `cache`, return its sshd.

    Raises `ConfigError` with the one line to type when that cannot be done here.
    """
    for tool in ("apt-get", "dpkg", "ldd"):
        if shutil.which(tool) is None:
            raise ConfigError(
                f"no sshd here and no {tool} to fetch one: install your distribution's "
                "OpenSSH server (its service need not run)"
            )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".openssh-") as folder:
        draft = Path(folder)
        for package in _PACKAGES:
            _unpack(package, draft)
        _complete(draft)
        try:
            (draft / "root").rename(cache)
        except OSError as error:
            # Another lab that started at the same moment may have been first.
            if _unpacked(cache) is None:
                raise ConfigError(f"{cache} is in the way ({error}); remove it") from error
    return cache / "usr/sbin/sshd"


def describe(sshd: Path) -> Server:
    """Return how to run `sshd`, which `find` or `fetch` gave."""
    root = sshd.parent.parent.parent
    own = root != Path("/") and root != Path("/usr")
    libraries = _library_path(root) if own else ""
    options = []
    for keyword, name in (("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")):
        beside = root / "usr/lib/openssh" / name
        if own and beside.exists():
            options.append(f"{keyword}={beside}")
    # It shuts out an address that failed a few times; here all come from one.
    if _version(sshd, libraries) >= _PENALTIES_SINCE:
        options.append("PerSourcePenalties=no")
    sftp = next((p for p in _sftp_servers(root) if p.exists()), None)
    return Server(sshd=sshd, libraries=libraries, options=tuple(options), sftp_server=sftp)


def _version(sshd: Path, libraries: str) -> tuple[int, int]:
    """Older versions know no -V, and print their version all the same."""
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    command = [str(sshd), "-V"]
    try:
        said = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{sshd} does not run: {error}; {_INSTALL}") from error
    match = _VERSION.search(said.stderr + said.stdout)
    if match is None:
        raise ConfigError(f"{sshd} does not run: {said.stderr.strip()}; {_INSTALL}")
    return int(match[1]), int(match[2])


def _sftp_servers(root: Path) -> tuple[Path, ...]:
    roots = (root, Path("/"))
    return tuple(r / folder / "sftp-server" for r in roots for folder in _SESSION_FOLDERS)


def prepare_for_root() -> None:
    """Give an sshd that root runs what its package would: /run/sshd and the account `sshd`.

    Raises `ConfigError` when that cannot be done. Nothing happens for another user.
    """
    if os.geteuid() != 0:
        return
    shadow = Path("/etc/shadow")
    if shadow.exists() and re.search(r"^root:!", shadow.read_text(), re.MULTILINE):
        raise ConfigError(
            "the account root is locked (! in /etc/shadow), so sshd would let nobody in; "
            "run the lab as an ordinary user"
        )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    if any(line.startswith("sshd:") for line in Path("/etc/passwd").read_text().splitlines()):
        return
    account = ["useradd", "--system", "--no-create-home", "--home-dir", "/run/sshd"]
    command = [*account, "--shell", "/usr/sbin/nologin", "sshd"]
    try:
        made = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            f"sshd run by root needs the account sshd: {error}; {_INSTALL}"
        ) from error
    # 9: a lab started at the same moment made it
    if made.returncode not in {0, 9}:
        raise ConfigError(f"sshd run by root needs the account sshd: {made.stderr}; {_INSTALL}")


def _unpack(package: str, draft: Path) -> None:
    downloads = Path(tempfile.mkdtemp(dir=draft))
    try:
        _run(["apt-get", "download", package], downloads)
    except ConfigError:
        # Images often ship without package lists; private ones need no root.
        (draft / "lists/partial").mkdir(parents=True, exist_ok=True)
        private = ["-o", f"Dir::State::Lists={draft}/lists", "-o", f"Dir::Cache={draft}/cache"]
        _run(["apt-get", *private, "update"], downloads)
        _run(["apt-get", *private, "download", package], downloads)
    for deb in downloads.glob("*.deb"):
        _run(["dpkg", "-x", str(deb), str(draft / "root")], downloads)


def _complete(draft: Path) -> None:
    """Unpack the libraries that sshd lacks, and those that these lack."""
    sshd = draft / "root/usr/sbin/sshd"
    for _ in range(3):
        missing = _missing_libraries(sshd, draft / "root")
        for library in missing:
            if library not in _LIBRARIES:
                raise ConfigError(f"the fetched sshd lacks {library}; {_INSTALL}")
            _unpack(_LIBRARIES[library], draft)
        if not missing:
            return
    raise ConfigError(f"the fetched sshd still lacks libraries; {_INSTALL}")


def _missing_libraries(sshd: Path, root: Path) -> tuple[str, ...]:
    environment = {**os.environ, "LD_LIBRARY_PATH": _library_path(root)}
    listing = _run(["ldd", str(sshd)], root, environment)
    return tuple(line.split()[0] for line in listing.splitlines() if "not found" in line)


def _library_path(root: Path) -> str:
    """Folders of libraries below `root`; only those, lest the system's own be shadowed."""
    found = {str(path.parent) for path in root.glob("**/lib/**/*.so.*")}
    return ":".join(sorted(found))


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Return what `command` prints, run in `folder`."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"cannot fetch an OpenSSH server: {error}; {_INSTALL}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        sentence = f"cannot fetch an OpenSSH server: {' '.join(command[:2])}: {last}; {_INSTALL}"
        raise ConfigError(sentence)
    return done.stdout


def python() -> Path:
    """Return the real path of the interpreter that runs the lab."""
    return Path(os.path.realpath(sys.executable))

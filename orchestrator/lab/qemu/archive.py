"""A Debian archive, read by an ordinary user: apt fetches, and checks whatever it fetches."""

import hashlib
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from orchestrator.lab.files import write_atomic
from orchestrator.model.errors import ConfigError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
#: what apt-get says at the end of a line about a file that the mirror does not have
_ABSENT = "404"
_CONFIGURATION = """\
Dir "{folder}";
Dir::Etc "{folder}/etc";
Dir::Etc::main "none";
Dir::Etc::parts "parts";
Dir::Etc::sourcelist "{folder}/archive.sources";
Dir::Etc::sourceparts "parts";
Dir::Etc::preferences "none";
Dir::Etc::preferencesparts "parts";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
"""
_SOURCES = """\
Types: deb
URIs: {mirror}
Suites: {suite}
Components: main main/debian-installer
Signed-By: {keyring}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanza:
    """What the signed index says of one package."""

    package: str
    version: str
    #: names that it stands for, and alternatives that it needs, without versions
    provides: tuple[str, ...]
    depends: tuple[tuple[str, ...], ...]
    kernel_version: str
    #: its file's hexadecimal SHA-256
    sha256: str
    text: str


class Archive:
    """One suite of a Debian mirror, with a package folder and an apt of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        mirror: str,
        suite: str,
        seconds: float,
        keyring: Path = KEYRING,
    ) -> None:
        """Take a folder for apt's files, and the seconds that all of this may take together."""
        self._folder = folder.absolute()
        self._mirror = mirror
        self._suite = suite
        self._keyring = keyring
        self._end = time.monotonic() + seconds

    def update(self) -> None:
        """Fetch the signed index of packages; raises `ConfigError` when it is not to be trusted."""
        if not self._keyring.is_file():
            advice = "type: apt-get install debian-archive-keyring"
            raise ConfigError(f"no keys of the Debian archive in {self._keyring}; {advice}")
        for part in ("lists/partial", "cache/archives/partial", "etc/parts", "packages"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        write_atomic(self._folder / "status", "")
        write_atomic(self._folder / "apt.conf", _CONFIGURATION.format(folder=self._folder))
        sources = _SOURCES.format(mirror=self._mirror, suite=self._suite, keyring=self._keyring)
        write_atomic(self._folder / "archive.sources", sources)
        done = self._apt("update", "--error-on=any")
        if done.returncode != 0:
            raise ConfigError(f"the package index of {self._mirror}: {_last(done.stderr)}")

    @property
    def codename(self) -> str:
        """The release that the signed index says it is of."""
        found = [*(self._folder / "lists").glob("*Release")]
        return _fields(found[0].read_text(encoding="utf-8")).get("Codename", "") if found else ""

    def components(self) -> Mapping[str, Stanza]:
        """Return all of the installer's components (udebs) by name."""
        return self._index("main/debian-installer", lambda _: True)

    def packages(self, names: Collection[str]) -> Mapping[str, Stanza]:
        """Return those of `names` that are packages of the suite, by name."""
        return self._index("main", lambda name: name in names)

    def fetch(self, stanzas: Collection[Stanza]) -> Mapping[str, Path]:
        """Return files by package name, hashes as in the index; none for what the mirror lacks.

        Raises `ConfigError` when a file is not what the index says, or the mirror does not answer.
        """
        if not stanzas:
            return {}
        folder = self._folder / "packages"
        names = [f"{stanza.package}={stanza.version}" for stanza in stanzas]
        done = self._apt("download", *names, where=folder)
        found = {stanza.package: folder / _file(stanza) for stanza in stanzas}
        present = {name: path for name, path in found.items() if path.is_file()}
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E: Failed")]
        if any(_ABSENT not in line for line in complaints):
            raise ConfigError(f"packages of {self._mirror}: {_last(done.stderr)}")
        if len(complaints) < len(found) - len(present):
            raise ConfigError(f"packages of {self._mirror}: {_last(done.stderr)}")
        for stanza in stanzas:
            if stanza.package in present:
                verify(present[stanza.package], stanza.sha256)
        return present

    def _index(self, component: str, wanted: Callable[[str], bool]) -> Mapping[str, Stanza]:
        done = self._apt("indextargets", "--format", "$(FILENAME)", f"Component: {component}")
        files = [Path(line) for line in done.stdout.splitlines() if line.endswith("_Packages")]
        stanzas: dict[str, Stanza] = {}
        for file in files:
            for text in file.read_text(encoding="utf-8").split("\n\n"):
                name = text.partition("\n")[0].removeprefix("Package: ")
                if name and wanted(name):
                    stanzas[name] = parse(text)
        return stanzas

    def _apt(self, *words: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
        left = self._end - time.monotonic()
        try:
            return subprocess.run(
                ["apt-get", "--quiet=2", "--option=Dpkg::Use-Pty=0", *words],
                cwd=where or self._folder,
                env={
                    "APT_CONFIG": str(self._folder / "apt.conf"),
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "LC_ALL": "C.UTF-8",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=max(left, 0.1),
                check=False,
            )
        except FileNotFoundError:
            raise ConfigError("no apt-get here: packages are fetched on a Debian host") from None
        except subprocess.TimeoutExpired:
            advice = "is its mirror slow? try again, what was fetched is kept"
            raise ConfigError(f"apt-get {words[0]} ran out of time; {advice}") from None


def updated(
    folder: Path, names: Sequence[str], *, mirror: str, end: float, keyring: Path = KEYRING
) -> Archive:
    """Return a suite with its index fetched; `names` are its codename, and what else it is called.

    The first name counts under which the mirror has what it signed: one that is synchronised may
    differ between them for days. Raises `ConfigError` with what is wrong under the codename.
    """
    refused: ConfigError | None = None
    for name in names:
        left = end - time.monotonic()
        archive = Archive(folder / name, mirror=mirror, suite=name, seconds=left, keyring=keyring)
        try:
            archive.update()
        except ConfigError as error:
            refused = refused or error
            continue
        if archive.codename == names[0]:
            return archive
    raise refused or ConfigError(f"{mirror} has no {names[0]}")


def parse(text: str) -> Stanza:
    """Return one stanza of an index of packages."""
    fields = _fields(text)
    depends = tuple(
        tuple(_name(choice) for choice in group.split("|"))
        for group in _listed(f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}")
    )
    return Stanza(
        package=fields["Package"],
        version=fields.get("Version", ""),
        provides=tuple(_name(word) for word in _listed(fields.get("Provides", ""))),
        depends=depends,
        kernel_version=fields.get("Kernel-Version", ""),
        sha256=fields.get("SHA256", ""),
        text=text.strip("\n"),
    )


def verify(path: Path, sha256: str) -> None:
    """Raise `ConfigError` unless the file at `path` has that hash."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise ConfigError(f"{path.name} is not what the signed index says; removed it, try again")


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            fields[name] = value.strip()
    return fields


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _name(relation: str) -> str:
    return relation.split("(")[0].split(":")[0].strip()


def _file(stanza: Stanza) -> str:
    """Return the name that `apt-get download` gives a package's file."""
    fields = _fields(stanza.text)
    suffix = Path(fields["Filename"]).suffix
    version = quote(stanza.version, safe="+~-.").replace("%3A", "%3a")
    return f"{stanza.package}_{version}_{fields['Architecture']}{suffix}"


def _last(said: str) -> str:
    lines = said.strip().splitlines() or ["apt-get failed"]
    return next((line for line in lines if line.startswith("E:")), lines[-1])

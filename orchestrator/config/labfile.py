"""Reads lab.toml: the nodes, repositories, images and folders of a lab; errors with file and line.

docs/lab.example.toml explains every key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from orchestrator.config import values
from orchestrator.config.accounts import People, accounts
from orchestrator.config.emulated import Emulated, emulated
from orchestrator.config.images import images
from orchestrator.config.manners import Ipmi, Manners, Redfish, Strips, manners
from orchestrator.config.nodes import Drivers, nodes
from orchestrator.config.notices import Told, told
from orchestrator.config.partners import Partner, partners
from orchestrator.config.reviews import ReviewSystem, reviews
from orchestrator.config.switches import SwitchFile, switches
from orchestrator.config.watches import watches
from orchestrator.model import toml
from orchestrator.model.document import Entry
from orchestrator.model.errors import ConfigError
from orchestrator.model.image import Image
from orchestrator.model.node import Node
from orchestrator.model.watch import Watch

__all__ = [
    "Drivers",
    "Emulated",
    "Folders",
    "Ipmi",
    "LabFile",
    "Manners",
    "Partner",
    "People",
    "Redfish",
    "ReviewSystem",
    "Strips",
    "Told",
    "builtin",
    "load",
]


_TABLES = (
    *("lab", "store", "repos", "nodes", "images", "drivers", "folders", "emulated"),
    *("people", "mail", "notices", "callbacks", "watch", "review", "limits"),
    *("partners", "switches", "accounts"),
)
#: what machines share while they are installed
_LIMITS = ("bmc", "pdu", "boot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where arch files, plays and smoke suites are."""

    archs: Path
    playbooks: Path
    suites: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """Everything that lab.toml says, checked; what it leaves out has its default."""

    name: str
    #: where pages, API and boot server listen; port 0: the usual one, or else any free one
    address: str
    port: int
    trust_code: bool
    #: empty: the home folder's own store
    store_url: str
    #: alias -> URL or path, and the aliases whose code may run on simulated nodes
    repos: Mapping[str, str]
    trusted: frozenset[str]
    nodes: tuple[Node, ...]
    images: Mapping[str, Image]
    manners: Manners
    folders: Folders
    #: None: all of its machines are those in `nodes`
    emulated: Emulated | None = None
    #: where people reach the pages; empty: where they are served
    url: str = ""
    told: Told = field(default_factory=Told)
    #: repositories that start runs by themselves
    watches: tuple[Watch, ...] = ()
    #: other labs by name
    partners: Mapping[str, Partner] = field(default_factory=dict)
    reviews: tuple[ReviewSystem, ...] = ()
    #: what machines' data cards hang on
    switches: Mapping[str, SwitchFile] = field(default_factory=dict)
    #: how people come in
    people: People = field(default_factory=People)
    #: how many machines may be installed at once, by what they share
    limits: Mapping[str, int] = field(default_factory=dict)
    #: where it was read
    path: Path = field(compare=False)


def builtin() -> Folders:
    """Return the folders that come with the program: of a checkout, or of an installed package."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_shipped"
    base = shipped if shipped.is_dir() else package.parent
    return Folders(
        archs=base / "reference_archs",
        playbooks=base / "playbooks",
        suites=base / "reference_archs" / "suites",
    )


def load(path: Path, *, drivers: Drivers | None = None) -> LabFile:
    """Return what the lab file at `path` says; secrets are fetched, relative paths made absolute.

    A node may name only `drivers`, where these are given. Raises `ConfigError` with `file:line:
    what is wrong; what to do`.
    """
    lab = _read(path)
    lab.table(*_TABLES)
    home = path.absolute().parent
    head = lab["lab"]
    head.table("name", "address", "port", "trust_code", "url")
    lab["store"].table("url")
    url = lab["store"]["url"]
    others = partners(lab["partners"], home)
    repos = {alias: _repo(entry, home) for alias, entry in lab["repos"].table().items()}
    return LabFile(
        name=head["name"].text(path.stem),
        address=values.address(head["address"], "127.0.0.1"),
        port=values.port(head["port"], 0, least=0),
        trust_code=head["trust_code"].flag(default=False),
        store_url=values.open_url(url) if url.written else "",
        repos=repos,
        trusted=frozenset(_trusted(lab["repos"])),
        nodes=nodes(lab["nodes"], home, drivers),
        images=images(lab["images"], home, emulated=lab["emulated"].written),
        emulated=emulated(lab["emulated"]),
        url=values.open_url(head["url"]).rstrip("/") if head["url"].written else "",
        told=told(lab, home),
        watches=watches(lab["watch"], repos),
        reviews=reviews(lab["review"], repos, home),
        limits={
            kind: entry.integer(least=1) for kind, entry in lab["limits"].table(*_LIMITS).items()
        },
        manners=manners(lab["drivers"], home),
        partners=others,
        switches=_plugged(lab, home),
        people=accounts(lab["accounts"], home, others),
        folders=_folders(lab["folders"], home),
        path=path,
    )


def _read(path: Path) -> Entry:
    try:
        return toml.parse(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}; name the lab file") from error


def _repo(entry: Entry, home: Path) -> str:
    """Return a repository's URL, or its path if it is written as one."""
    where = entry
    if isinstance(entry.value, Mapping):
        entry.table("url", "trusted")
        where = entry["url"]
    url = values.open_url(where)
    return str(values.path(url, home)) if url.startswith((".", "/", "~")) else url


def _trusted(repos: Entry) -> Sequence[str]:
    tables = {k: e for k, e in repos.table().items() if isinstance(e.value, Mapping)}
    return [alias for alias, entry in tables.items() if entry["trusted"].flag(default=False)]


def _folders(entry: Entry, home: Path) -> Folders:
    entry.table(*(folder.name for folder in fields(Folders)))
    usual = builtin()
    for name, written in entry.table().items():
        folder = values.path(written.text(), home)
        if not folder.is_dir():
            raise written.wrong(f"there is no folder {folder}; make it or mend `folders.{name}`")
    return Folders(
        archs=values.path(entry["archs"].text(str(usual.archs)), home),
        playbooks=values.path(entry["playbooks"].text(str(usual.playbooks)), home),
        suites=values.path(entry["suites"].text(str(usual.suites)), home),
    )


def _plugged(lab: Entry, home: Path) -> Mapping[str, SwitchFile]:
    """Return the switches, each with a VLAN for every node on it."""
    found = switches(lab["switches"], home)
    counts = dict.fromkeys(found, 0)
    for node in lab["nodes"].items():
        if node["switch"].written:
            named = node["switch"]["name"]
            counts[named.one_of(found)] += 1
    for name, count in counts.items():
        first, last = found[name].vlans
        if count > last - first + 1:
            range_ = lab["switches"][name]["vlans"]
            raise range_.wrong(f"{count} nodes are on {name}, and each needs a VLAN of its own")
    return found

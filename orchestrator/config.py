"""Reads lab.toml: the nodes, repositories, images and folders of a lab; errors with file and line.

docs/lab.example.toml explains every key.
"""

import ipaddress
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.model import toml
from orchestrator.model.document import Entry
from orchestrator.model.errors import ConfigError
from orchestrator.model.image import Image
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret

IPMI_PORT = 623
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")
_IN_LAB = tuple(p for p in Provenance if p is not Provenance.PARTNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where arch files, plays and smoke suites are."""

    archs: Path
    playbooks: Path
    suites: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """Names of the drivers that a node may be reached by."""

    power: Collection[str]
    console: Collection[str]
    boot: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipmi:
    """How BMCs are treated; times in seconds."""

    #: between two conversations with one BMC: some real ones crash when hurried
    gap: float = 5
    #: what one conversation may take
    patience: float = 15
    #: how long a new power state may take to read back
    settle: float = 20
    tries: int = 4


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
    ipmi: Ipmi
    folders: Folders
    #: where it was read
    path: Path = field(compare=False)


def builtin() -> Folders:
    """Return the folders that come with the program: of a checkout, or of an installed package."""
    package = Path(__file__).resolve().parent
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
    lab.table("lab", "store", "repos", "nodes", "images", "drivers", "folders")
    home = path.absolute().parent
    head = lab["lab"]
    head.table("name", "address", "port", "trust_code")
    lab["store"].table("url")
    url = lab["store"]["url"]
    return LabFile(
        name=head["name"].text(path.stem),
        address=_address(head["address"], "127.0.0.1"),
        port=_port(head["port"], 0, least=0),
        trust_code=head["trust_code"].flag(default=False),
        store_url=_open_url(url) if url.written else "",
        repos={alias: _repo(entry, home) for alias, entry in lab["repos"].table().items()},
        trusted=frozenset(_trusted(lab["repos"])),
        nodes=_nodes(lab["nodes"], home, drivers),
        images={name: _image(name, e, home) for name, e in lab["images"].table().items()},
        ipmi=_ipmi(lab["drivers"]),
        folders=_folders(lab["folders"], home),
        path=path,
    )


def _read(path: Path) -> Entry:
    try:
        return toml.parse(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}; name the lab file") from error


def _nodes(entry: Entry, home: Path, drivers: Drivers | None) -> tuple[Node, ...]:
    nodes = []
    seen: dict[tuple[str, object], Entry] = {}
    for item in entry.items():
        node = _node(item, home, drivers)
        _once(seen, item["name"], "name", node.name)
        _once(seen, item["mac"], "MAC", node.mac)
        _once(seen, item["bmc"]["address"], "BMC", (node.bmc.address, node.bmc.port))
        _once(seen, item["address"], "address", (node.address, node.ssh_port))
        nodes.append(node)
    return tuple(nodes)


def _once(seen: dict[tuple[str, object], Entry], entry: Entry, what: str, value: object) -> None:
    other = seen.setdefault((what, value), entry)
    if other is not entry:
        shown = ":".join(map(str, value)) if isinstance(value, tuple) else value
        raise entry.wrong(f"{what} {shown} is given to another node on line {other.line}; mend one")


def _node(entry: Entry, home: Path, drivers: Drivers | None) -> Node:
    entry.table(*(known.name for known in fields(Node)))
    usual = {known.name: known.default for known in fields(Node)}
    entry["bmc"].table("address", "port", "user", "password")
    names = {port: entry[port].text(str(usual[port])) for port in ("power", "console", "boot")}
    if drivers:
        for port in names:
            entry[port].one_of(getattr(drivers, port), names[port])
    return Node(
        name=_name(entry["name"]),
        mac=_mac(entry["mac"]),
        bmc=_bmc(entry["bmc"], home),
        provenance=Provenance(entry["provenance"].one_of(_IN_LAB, Provenance.PHYSICAL)),
        capabilities=frozenset(entry["capabilities"].texts()),
        address=_address(entry["address"]),
        ssh_port=_port(entry["ssh_port"], 22),
        ssh_user=entry["ssh_user"].text("root"),
        **names,
    )


def _bmc(entry: Entry, home: Path) -> Bmc:
    return Bmc(
        address=_address(entry["address"]),
        port=_port(entry["port"], IPMI_PORT),
        user=entry["user"].text(),
        password=_secret(entry["password"], home),
    )


def _name(entry: Entry) -> str:
    name = entry.text()
    if not _NAME.fullmatch(name):
        raise entry.wrong(f"`{name}` is no name; use letters, digits and . _ -")
    return name


def _mac(entry: Entry) -> str:
    """Return the MAC address in lower case with colons."""
    mac = entry.text().lower().replace("-", ":")
    if not _MAC.fullmatch(mac) or int(mac[:2], 16) & 1:
        advice = "write that of the network card, e.g. 52:54:00:12:34:56"
        raise entry.wrong(f"`{entry.text()}` is no MAC address of a machine; {advice}")
    return mac


def _address(entry: Entry, default: str = "") -> str:
    """Return an IP address or a host name."""
    address = entry.text(default) if default else entry.text()
    numeric = set(address) <= set("0123456789.") or ":" in address
    try:
        return str(ipaddress.ip_address(address)) if numeric else _host(address)
    except ValueError:
        advice = "write one such as 10.0.0.7 or bmc7.example.com"
        raise entry.wrong(f"`{address}` is no IP address or host name; {advice}") from None


def _host(name: str) -> str:
    if not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _port(entry: Entry, default: int, *, least: int = 1) -> int:
    port = entry.integer(default, least=least)
    if port > 65535:
        raise entry.wrong(f"`{entry.name}` is {port}; write at most 65535")
    return port


def _secret(entry: Entry, home: Path) -> Secret:
    """Fetch what `env:NAME` or `file:PATH` refers to; the text itself is never shown."""
    kind, _, where = entry.text().partition(":")
    if kind == "env" and where:
        value = os.environ.get(where, "")
        if not value:
            raise entry.wrong(f"the environment has no {where}; export it before the start")
        return Secret(value)
    if kind == "file" and where:
        return _secret_file(entry, _path(where, home))
    advice = "this file is no place for secrets: write env:NAME or file:PATH"
    raise entry.wrong(f"`{entry.name}` is written out; {advice}")


def _secret_file(entry: Entry, path: Path) -> Secret:
    try:
        value, mode = path.read_text(encoding="utf-8").strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise entry.wrong(f"secret file {path}: {reason}; make it, with mode 0600") from error
    if mode & 0o077:
        raise entry.wrong(f"others may read the secret in {path}; type: chmod 600 {path}")
    if not value:
        raise entry.wrong(f"secret file {path} is empty; write the secret into it")
    return Secret(value)


def _path(text: str, home: Path) -> Path:
    return (home / Path(text).expanduser()).resolve()


def _file(entry: Entry, home: Path) -> str:
    path = _path(entry.text(), home)
    if not path.is_file():
        raise entry.wrong(f"there is no file {path}; fetch it or mend `{entry.name}`")
    return str(path)


def _open_url(entry: Entry) -> str:
    """Return a URL without a password in it."""
    try:
        hidden = urlsplit(entry.text()).password
    except ValueError as error:
        raise entry.wrong(f"`{entry.name}` is no URL ({error}); mend it") from error
    if hidden is not None:
        advice = (
            "leave it out: a store's comes from PGPASSWORD or ~/.pgpass, a repository's from git"
        )
        raise entry.wrong(f"`{entry.name}` holds a password; {advice}")
    return entry.text()


def _repo(entry: Entry, home: Path) -> str:
    """Return a repository's URL, or its path if it is written as one."""
    where = entry
    if isinstance(entry.value, Mapping):
        entry.table("url", "trusted")
        where = entry["url"]
    url = _open_url(where)
    return str(_path(url, home)) if url.startswith((".", "/", "~")) else url


def _trusted(repos: Entry) -> Sequence[str]:
    tables = {k: e for k, e in repos.table().items() if isinstance(e.value, Mapping)}
    return [alias for alias, entry in tables.items() if entry["trusted"].flag(default=False)]


def _image(name: str, entry: Entry, home: Path) -> Image:
    entry.table("suite", "kernel", "initrd", "mirror", "kernel_package")
    mirror = urlsplit(_open_url(entry["mirror"]))
    if mirror.scheme != "http" or not mirror.netloc:
        advice = "installers fetch by http://HOST/FOLDER"
        raise entry["mirror"].wrong(f"`{entry['mirror'].text()}` is no mirror; {advice}")
    return Image(
        name=name,
        suite=entry["suite"].text(),
        kernel=_file(entry["kernel"], home),
        initrd=_file(entry["initrd"], home),
        mirror_host=mirror.netloc,
        mirror_directory=mirror.path or "/",
        kernel_package=entry["kernel_package"].text("linux-image-amd64"),
    )


def _ipmi(drivers: Entry) -> Ipmi:
    drivers.table("power")
    drivers["power"].table("ipmi")
    ipmi, usual = drivers["power"]["ipmi"], Ipmi()
    ipmi.table(*(option.name for option in fields(Ipmi)))
    return Ipmi(
        gap=ipmi["gap"].number(usual.gap),
        patience=ipmi["patience"].number(usual.patience, least=1),
        settle=ipmi["settle"].number(usual.settle, least=1),
        tries=ipmi["tries"].integer(usual.tries, least=1),
    )


def _folders(entry: Entry, home: Path) -> Folders:
    entry.table(*(folder.name for folder in fields(Folders)))
    usual = builtin()
    for name, written in entry.table().items():
        folder = _path(written.text(), home)
        if not folder.is_dir():
            raise written.wrong(f"there is no folder {folder}; make it or mend `folders.{name}`")
    return Folders(
        archs=_path(entry["archs"].text(str(usual.archs)), home),
        playbooks=_path(entry["playbooks"].text(str(usual.playbooks)), home),
        suites=_path(entry["suites"].text(str(usual.suites)), home),
    )

"""A simulated LeftHand array: volumes, servers, and who may see what, by the array's command line.

It answers the commands that volume drivers use, in the array's XML (`<gauche>`), with the names and
result codes of the device as its published interface has them. No device was at hand: what one
answers is compared with `smoketest lab drift` (`lefthand_drift.py`).
"""

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from xml.etree import ElementTree as Xml

CLUSTER = "Cluster01"
GROUP = "Group01"
_IQN = "iqn.2003-10.com.lefthandnetworks:group01"
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_POOL = 1 << 40
#: seconds are told in thousandths
_MILLI = 1000


class Targets(Protocol):
    """What carries the volumes: a real iSCSI target, or nothing."""

    portal: str

    def export(self, number: int, iqn: str, size: int) -> None:
        """Have a volume of that size behind that name; nobody may log in yet."""
        ...

    def allow(self, number: int, initiators: frozenset[str]) -> None:
        """Let exactly these initiators in."""
        ...

    def withdraw(self, number: int) -> None:
        """Let the volume and its bytes be gone."""
        ...


class Fault(Exception):
    """The array refuses: its name for why, the code, and a sentence."""

    def __init__(self, name: str, code: str, sentence: str) -> None:
        """Take what the answer says."""
        super().__init__(sentence)
        self.name = name
        self.code = code


@dataclass
class Volume:
    """A volume, its snapshots, and the servers that see it."""

    number: int
    name: str
    size: int
    thin: bool
    created: datetime
    snapshots: set[str] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)

    @property
    def iqn(self) -> str:
        """Return what initiators call it."""
        return f"{_IQN}:{self.number}:{self.name}".lower()


Words = Mapping[str, str]


class Array:
    """The whole array; commands are carried out one at a time."""

    def __init__(self, targets: Targets | None) -> None:
        """Start empty; without `targets` volumes cannot be logged in to, and say so."""
        self._targets = targets
        self._volumes: dict[str, Volume] = {}
        #: server name -> initiator
        self._servers: dict[str, str] = {}
        self._next = 1
        self._turn = threading.Lock()
        self._verbs: Mapping[str, Callable[[Words], Xml.Element | None]] = {
            "createVolume": self._create,
            "deleteVolume": self._delete,
            "getVolumeInfo": self._info,
            "createSnapshot": self._snapshot,
            "deleteSnapshot": self._forget_snapshot,
            "createServer": self._create_server,
            "getServerInfo": self._server_info,
            "assignVolumeToServer": self._assign,
            "unassignVolumeToServer": self._unassign,
            "getClusterInfo": self._cluster,
        }

    def run(self, line: str) -> str:
        """Return the answer to a command line, as XML."""
        began = datetime.now(UTC)
        try:
            verb, words = _parsed(line)
            with self._turn:
                inner = self._verbs.get(verb, _unknown)(words)
        except Fault as fault:
            return _answer(began, fault.name, fault.code, str(fault), None)
        return _answer(began, "CliqSuccess", "0", "Operation succeeded.", inner)

    def _create(self, words: Words) -> None:
        name, size = _need(words, "volumeName"), _size(_need(words, "size"))
        _known(words.get("clusterName", CLUSTER))
        if name in self._volumes:
            raise Fault("CliqVolumeExists", "80001008", f"Volume '{name}' already exists.")
        thin = words.get("thinProvision", "0") in {"1", "true"}
        volume = Volume(
            number=self._next, name=name, size=size, thin=thin, created=datetime.now(UTC)
        )
        if self._targets:
            self._targets.export(volume.number, volume.iqn, size)
        self._next += 1
        self._volumes[name] = volume

    def _delete(self, words: Words) -> None:
        volume = self._volume(words)
        if volume.servers:
            said = f"Volume '{volume.name}' is assigned to a server."
            raise Fault("CliqVolumeInUse", "8000100c", said)
        if self._targets:
            self._targets.withdraw(volume.number)
        del self._volumes[volume.name]

    def _snapshot(self, words: Words) -> None:
        volume, name = self._volume(words), _need(words, "snapshotName")
        if any(name in other.snapshots for other in self._volumes.values()):
            raise Fault("CliqSnapshotExists", "80001009", f"Snapshot '{name}' already exists.")
        volume.snapshots.add(name)

    def _forget_snapshot(self, words: Words) -> None:
        name = _need(words, "snapshotName")
        for volume in self._volumes.values():
            if name in volume.snapshots:
                volume.snapshots.discard(name)
                return
        raise Fault("CliqSnapshotNotFound", "8000100b", f"Snapshot '{name}' not found.")

    def _create_server(self, words: Words) -> None:
        name = _need(words, "serverName")
        if name in self._servers:
            raise Fault("CliqServerExists", "8000100d", f"Server '{name}' already exists.")
        self._servers[name] = _need(words, "initiator")

    def _server_info(self, words: Words) -> Xml.Element:
        name = _need(words, "serverName")
        element = Xml.Element("server", name=name, iqn=self._initiator(name), access="rw")
        for volume in self._volumes.values():
            if name in volume.servers:
                Xml.SubElement(element, "volume", name=volume.name, iscsiIqn=volume.iqn)
        return element

    def _assign(self, words: Words) -> None:
        volume, server = self._volume(words), _need(words, "serverName")
        self._initiator(server)
        volume.servers.add(server)
        self._admit(volume)

    def _unassign(self, words: Words) -> None:
        volume, server = self._volume(words), _need(words, "serverName")
        self._initiator(server)
        volume.servers.discard(server)
        self._admit(volume)

    def _admit(self, volume: Volume) -> None:
        if self._targets:
            allowed = frozenset(self._servers[name] for name in volume.servers)
            self._targets.allow(volume.number, allowed)

    def _info(self, words: Words) -> Xml.Element:
        volume = self._volume(words)
        element = Xml.Element(
            "volume",
            name=volume.name,
            clusterName=CLUSTER,
            groupName=GROUP,
            iscsiIqn=volume.iqn,
            size=str(volume.size),
            thinProvision=str(volume.thin).lower(),
            availability="online",
            replication="1",
            created=f"{volume.created:%Y-%m-%dT%H:%M:%SZ}",
        )
        Xml.SubElement(element, "status", description="OK", value="2")
        for name in sorted(volume.servers):
            Xml.SubElement(
                element,
                "permission",
                access="rw",
                authGroup=name,
                iqn=self._servers[name],
                iscsiEnabled=str(self._targets is not None).lower(),
            )
        for name in sorted(volume.snapshots):
            Xml.SubElement(element, "snapshot", name=name)
        return element

    def _cluster(self, words: Words) -> Xml.Element:
        _known(words.get("clusterName", CLUSTER))
        used = sum(volume.size for volume in self._volumes.values())
        element = Xml.Element(
            "cluster",
            name=CLUSTER,
            groupName=GROUP,
            spaceTotal=str(_POOL),
            unprovisionedSpace=str(max(0, _POOL - used)),
        )
        portal = self._targets.portal if self._targets else ""
        Xml.SubElement(element, "vip", ipAddress=portal, subnetMask="255.255.255.0")
        return element

    def _volume(self, words: Words) -> Volume:
        name = _need(words, "volumeName")
        if found := self._volumes.get(name):
            return found
        raise Fault("CliqVolumeNotFound", "8000100a", f"Volume '{name}' not found.")

    def _initiator(self, server: str) -> str:
        if found := self._servers.get(server):
            return found
        raise Fault("CliqServerNotFound", "8000100f", f"Server '{server}' not found.")


def _unknown(_: Words) -> None:
    raise Fault("CliqUnknownMethod", "80001000", "Unknown method.")


def _parsed(line: str) -> tuple[str, Words]:
    try:
        verb, *rest = shlex.split(line) or [""]
    except ValueError as error:
        raise Fault("CliqBadSyntax", "80001001", f"Cannot parse: {error}.") from error
    return verb, dict(word.split("=", 1) for word in rest if "=" in word)


def _need(words: Words, name: str) -> str:
    if found := words.get(name):
        return found
    raise Fault("CliqMissingParameter", "80001002", f"Parameter '{name}' is missing.")


def _size(text: str) -> int:
    unit = next((unit for unit in ("TB", "GB", "MB", "KB", "B") if text.upper().endswith(unit)), "")
    number = text[: len(text) - len(unit)]
    if not number.isdecimal() or not int(number):
        raise Fault("CliqInvalidSize", "8000100e", f"'{text}' is no size.")
    return int(number) * _UNITS[unit or "B"]


def _known(cluster: str) -> None:
    if cluster != CLUSTER:
        raise Fault("CliqClusterNotFound", "80001010", f"Cluster '{cluster}' not found.")


def _answer(began: datetime, name: str, code: str, sentence: str, inner: Xml.Element | None) -> str:
    took = (datetime.now(UTC) - began).total_seconds() * _MILLI
    root = Xml.Element("gauche", version="1.0")
    response = Xml.SubElement(
        root,
        "response",
        description=sentence,
        name=name,
        processingTime=str(round(took)),
        result=code,
    )
    if inner is not None:
        response.append(inner)
    return '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n' + Xml.tostring(
        root, encoding="unicode"
    )

"""A house for the web over a real store, real files and a real repository; nothing runs in it."""

import base64
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.drivers.source.git import GitSource
from orchestrator.drivers.source.history import GitHistory
from orchestrator.drivers.source.survey import GitSurvey
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.offer import Offer
from orchestrator.model.secret import Secret
from orchestrator.ports.faults import NodeFault
from orchestrator.ports.store import Enrolled
from orchestrator.service.builds import Builds
from orchestrator.service.carried import CarriedPatches
from orchestrator.service.catalogue import Catalogue
from orchestrator.service.checkup import Checkup
from orchestrator.service.desk import Desk
from orchestrator.service.inventory import Inventory
from orchestrator.service.lab import Lab
from orchestrator.service.library import Library
from orchestrator.service.watcher import Watcher
from orchestrator.service.windows import windows
from orchestrator.web.app import build
from orchestrator.web.house import House, Identity, ImageFiles
from orchestrator.web.limits import Allowance
from orchestrator.web.server import Server
from orchestrator.wiring.repositories import studies
from tests.unit import web_lookback, web_partners, web_reception
from tests.unit.web_silence import mailroom, reviewing

KINDS = ("kvm", "xenserver", "hyperv", "vmware")
IMAGE = "debian-12"


@dataclass
class StillEngine:
    """An engine that starts nothing: a test writes the events itself."""

    woken: int = 0

    def launch(self) -> None:
        """Start nothing."""

    def start(self, attempt: AttemptId) -> None:
        """Start nothing."""

    def wake(self) -> None:
        """Count how often somebody had something to do."""
        self.woken += 1

    def close(self) -> None:
        """Stop nothing."""


@dataclass
class Switchboard:
    """Faults of machines that are not there, kept in memory."""

    nodes: frozenset[str]
    found: dict[str, NodeFault] = field(default_factory=dict)

    def kinds(self) -> tuple[str, ...]:
        """Return two kinds."""
        return ("busy", "dead")

    def set(self, fault: NodeFault) -> None:
        """Keep the fault."""
        if fault.node not in self.nodes:
            msg = f"there is no node {fault.node}"
            raise NotFound(msg)
        self.found[fault.node] = fault

    def clear(self, node: str) -> None:
        """Forget the node's fault."""
        self.found.pop(node, None)

    def all(self) -> tuple[NodeFault, ...]:
        """Return what is kept."""
        return tuple(self.found.values())


@dataclass(frozen=True, kw_only=True)
class Furnished:
    """A house with what a test needs to fill it."""

    house: House
    store: Store
    engine: StillEngine
    files: Path
    repo: str
    clock: SystemClock

    url: str

    #: one that may read only, and one that may write
    clients: tuple[httpx.Client, httpx.Client]

    def client(self) -> httpx.Client:
        """Return a client that may read."""
        return self.clients[0]

    def writer(self) -> httpx.Client:
        """Return a client that may write."""
        return self.clients[1]

    def body(self, **changes: object) -> dict[str, object]:
        """Return the body of a request for a run."""
        return {"repo": self.repo, "ref": "trunk", "requester": "ada", "archs": ["kvm-flat"]} | (
            changes
        )


@contextmanager
def furnish(
    folder: Path,
    nodes: int = 10,
    archs: Sequence[Arch] = (),
    allowance: Allowance | None = None,
) -> Iterator[Furnished]:
    """Yield a house in `folder`, served on loopback; empty unless a store is there.

    Its lab has a handful of archs unless others are given.
    """
    repo = _repository(folder / "product")
    lab = _lab(repo, nodes)
    if archs:
        lab = replace(lab, archs={arch.name: arch for arch in archs})
    store = open_store(f"sqlite:///{folder}/store.sqlite")
    clock = SystemClock()
    declared = [Enrolled(name=n.name, capabilities=n.capabilities) for n in lab.nodes.values()]
    store.nodes.enrol(declared, clock.now())
    engine = StillEngine()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house = _house(folder, lab, store, engine, url)
        right = {"Authorization": f"Bearer {house.token.reveal()}"}
        with (
            _serving(build(house, allowance), listener),
            _client(url, {}) as reader,
            _client(url, right) as writer,
        ):
            yield Furnished(
                house=house,
                store=store,
                engine=engine,
                files=folder / "attempts",
                repo=repo,
                clock=clock,
                url=url,
                clients=(reader, writer),
            )
    store.database.close()


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)


@contextmanager
def _serving(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=10, proxy_headers=False)
    server = Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.005)
    yield
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop"


def _lab(repo: str, nodes: int) -> Lab:
    machines = [_node(index) for index in range(nodes)]
    archs = [arch(kind, network) for kind in KINDS for network in ("flat", "vlan")]
    archs.append(_mixed())
    return Lab(
        nodes={node.name: node for node in machines},
        archs={arch.name: arch for arch in archs},
        trusted=frozenset({repo}),
        partners=web_partners.CONTRACTS,
    )


def _checkup(lab: Lab, store: Store, engine: StillEngine) -> Checkup:
    """Return what can refuse to test a machine, and no more: there are none."""
    return Checkup(
        lab=lab, clock=SystemClock(), nodes=store.nodes, engine=engine, power={}, consoles={}
    )


def _desk(folder: Path, lab: Lab, store: Store, engine: StillEngine) -> Desk:
    return Desk(
        lab=lab,
        clock=SystemClock(),
        source=GitSource(folder / "cache", {}),
        history=GitHistory(folder / "cache", {}),
        runs=store.runs,
        queue=store.queue,
        engine=engine,
    )


def _carried(folder: Path) -> CarriedPatches:
    return CarriedPatches(
        clock=SystemClock(),
        source=GitSource(folder / "cache", {}),
        history=GitHistory(folder / "cache", {}),
        survey=GitSurvey(folder / "cache", {}),
    )


def _image(folder: Path) -> ImageFiles:
    kernel, initrd = folder / "linux", folder / "initrd.gz"
    kernel.write_bytes(secrets.token_bytes(4000))
    initrd.write_bytes(secrets.token_bytes(9000))
    return ImageFiles(kernel=kernel, initrd=initrd)


def _library(folder: Path, lab: Lab, store: Store, files: FolderFiles, url: str) -> Library:
    return Library(
        lab=lab,
        clock=SystemClock(),
        runs_=store.runs,
        events=store.events,
        queue=store.queue,
        nodes_=store.nodes,
        attestations=store.attestations,
        files=files,
        key=lambda attempt: str(folder / "keys" / attempt.replace("/", "_")),
        catalogue=Catalogue(lab=lab, board=store.board, url=url),
    )


def _watcher(folder: Path, store: Store, desk: Desk) -> Watcher:
    """Return what watches nothing, until a test says what."""
    return Watcher(
        clock=SystemClock(),
        source=GitSource(folder / "cache", {}),
        history=GitHistory(folder / "cache", {}),
        watches=store.watches,
        desk=desk,
        watched={},
    )


def _house(folder: Path, lab: Lab, store: Store, engine: StillEngine, url: str) -> House:
    clock = SystemClock()
    (folder / "attempts").mkdir()
    files, token = FolderFiles(folder / "attempts"), Secret(secrets.token_hex(16))
    desk = _desk(folder, lab, store, engine)
    library = _library(folder, lab, store, files, url)
    return House(
        identity=Identity(version="0.1.0", orchestrator="0a1b2c3d4e5f", lab="lab in a box"),
        desk=desk,
        carried=_carried(folder),
        studies=studies(folder / "cache", {}, desk, store, library),
        inventory=Inventory(
            clock=clock, nodes=store.nodes, attestations=store.attestations, engine=engine
        ),
        checkup=_checkup(lab, store, engine),
        library=library,
        windows=windows(library, store.matrix),
        mailroom=mailroom(store),
        watcher=_watcher(folder, store, desk),
        reviewing=reviewing(store, desk, library),
        offers=store.offers,
        events=store.events,
        files=files,
        faults=Switchboard(frozenset(lab.nodes)),
        images={IMAGE: _image(folder)}.get,
        token=token,
        gate=web_partners.gate(lab, store, token),
        reception=web_reception.reception(lab, store),
        builds=Builds(
            desk=desk,
            library=library,
            items=store.items,
            notices=store.notices,
            clock=SystemClock(),
        ),
        partnership=web_partners.partnership(lab, store, engine),
        **web_lookback.parts(folder / "attempts", lab, store),
        answers=store.answers,
    )


def offer(url: str, node: Node, attempt: AttemptId) -> Offer:
    """Return a boot offer with texts made up."""
    token = secrets.token_urlsafe(24)
    return Offer(
        token=token,
        node=node.name,
        mac=node.mac,
        attempt=attempt,
        image=IMAGE,
        script=f"#!ipxe\nkernel {url}/boot/{token}/linux\nboot\n",
        answers="#_preseed_V1\nd-i mirror/suite string bookworm\n",
        public_key=public_key(),
    )


def public_key(comment: str = "root@node") -> str:
    """Return a public key of the right form, with nobody's private half."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + secrets.token_bytes(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".rstrip()


def _node(index: int) -> Node:
    return Node(
        name=f"n{index + 1:02d}",
        mac=f"52:54:00:00:00:{index + 1:02x}",
        bmc=Bmc(
            address=f"127.0.7.{index + 1}",
            port=6230,
            user="admin",
            password=Secret(secrets.token_hex(8)),
        ),
        provenance=Provenance.SIMULATED,
        capabilities=frozenset({"x86_64", *KINDS}),
        address=f"127.0.7.{index + 1}",
        ssh_port=22022,
    )


def arch(kind: str, network: str) -> Arch:
    return Arch(
        name=f"{kind}-{network}",
        summary=f"Compute on {kind}, {network} network, one zone",
        roles=(
            Role(name="control", count=1, needs=frozenset({"x86_64"}), install=IMAGE, groups=()),
            Role(name="compute", count=1, needs=frozenset({kind}), install=IMAGE, groups=()),
        ),
        deploy=Deploy(play="openstack.yml"),
        smoke=Smoke(suite="compute"),
        axes=(("hypervisor", kind), ("network", network)),
        voting=kind != "vmware",
        lieutenants=(f"{kind}-team@example.org",),
        covers=(f"*/{kind}/*",),
        source="reference_archs/compute.yaml:1",
    )


def _mixed() -> Arch:
    return Arch(
        name="kvm+xenserver",
        summary="Two hypervisors in one deploy",
        roles=tuple(
            Role(
                name=name,
                count=1,
                needs=frozenset({kind}),
                install=IMAGE,
                groups=(),
                settings=(("hypervisor", kind),),
            )
            for name, kind in (("kvm", "kvm"), ("xen", "xenserver"))
        ),
        deploy=Deploy(play="openstack.yml"),
        smoke=Smoke(suite="compute"),
        lieutenants=("ada@example.org", "grace@example.org"),
        source="reference_archs/mixed.yaml:1",
    )


def _repository(folder: Path) -> str:
    folder.mkdir()
    (folder / "README").write_text("a product\n")
    for words in (
        ("init", "--quiet", "--initial-branch", "trunk"),
        ("add", "README"),
        ("commit", "--quiet", "-m", "Begin with a README"),
        ("branch", "multi-nic"),
    ):
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(("git", *who, *words), cwd=folder, check=True, timeout=30)
    return str(folder)

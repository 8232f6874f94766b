"""Build everything over one home and one lab."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from orchestrator.drivers.artifacts.folder import FolderArtifacts
from orchestrator.drivers.attest.shell import ShellCanary
from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.console.sol import SolConsole
from orchestrator.drivers.console.trial import SolTrial
from orchestrator.drivers.deploy.ansible import AnsibleDeploy
from orchestrator.drivers.engine.durable import DbosEngine
from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.drivers.notify.files import FileNotify
from orchestrator.drivers.orphans.cookie import CookieOrphans
from orchestrator.drivers.shell.ssh import SshShell
from orchestrator.drivers.slots.fifo import FifoSlots
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.flow import Flow
from orchestrator.model.worker import Worker
from orchestrator.ports.attest import Inspects
from orchestrator.ports.kit import Kit
from orchestrator.ports.power import Power
from orchestrator.ports.store import Enrolled
from orchestrator.service.builds import Builds
from orchestrator.service.catalogue import Catalogue
from orchestrator.service.checkup import Checkup
from orchestrator.service.gate import Gate
from orchestrator.service.inventory import Inventory
from orchestrator.service.lab import Lab
from orchestrator.service.library import Library
from orchestrator.service.mailroom import Mailroom
from orchestrator.service.partnership import Partnership
from orchestrator.service.recovery import Recovery
from orchestrator.service.reviewing import Reviewing
from orchestrator.service.watcher import Watcher
from orchestrator.service.windows import windows
from orchestrator.web import house as web
from orchestrator.web.app import build as build_app
from orchestrator.wiring import looks, power, repositories
from orchestrator.wiring.accounts import reception
from orchestrator.wiring.boots import boots, files
from orchestrator.wiring.home import Home
from orchestrator.wiring.lab import LabParts
from orchestrator.wiring.notices import mailroom
from orchestrator.wiring.partners import contracts, partners, partnership
from orchestrator.wiring.reviews import reviewing
from orchestrator.wiring.sessions import sessions
from orchestrator.wiring.suites import suites
from orchestrator.wiring.switches import switches

#: plays and suites at once: both are bound by this host's processors, not by the machines'
SIDE_BY_SIDE = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What walks attempts: all of a worker, and a part of the orchestrator."""

    engine: DbosEngine
    flow: Flow
    kit: Kit
    children: WarmChildren
    #: the power drivers without strips behind them
    bare: Mapping[str, Power]

    def open(self, switched_off: str = "") -> None:
        """Start working; `switched_off` says so if the lab lost power since we last worked."""
        if switched_off:
            self.flow.interrupt(switched_off)
        self.engine.launch()

    def close(self) -> None:
        """Stop working and end every process of ours; who walks on goes on from there."""
        self.engine.close()
        for attempt in tuple(self.flow.under_way):
            self.kit.orphans.end(attempt)
        self.children.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A built orchestrator."""

    app: FastAPI
    crew: Crew
    recovery: Recovery
    mailroom: Mailroom
    watcher: Watcher
    partnership: Partnership
    reviewing: Reviewing


def build(home: Home, lab: LabParts, url: str) -> House:
    """Return everything wired together, with the lab's machines enrolled in the store."""
    store = open_store(lab.store_url)
    crew = build_crew(home, lab, store, url, f"server-{home.identity()}")
    declared = [
        Enrolled(name=node.name, capabilities=node.capabilities) for node in lab.nodes.values()
    ]
    store.nodes.enrol(declared, crew.kit.clock.now())
    known = _web(home, lab, store, crew.engine, crew.kit, url)
    app = build_app(known)
    recovery = Recovery(
        clock=crew.kit.clock,
        nodes=store.nodes,
        engine=crew.engine,
        machines=lab.nodes,
        power=crew.bare,
    )
    return House(
        app=app,
        crew=crew,
        recovery=recovery,
        mailroom=known.mailroom,
        watcher=known.watcher,
        partnership=known.partnership,
        reviewing=known.reviewing,
    )


def build_crew(home: Home, lab: LabParts, store: Store, url: str, name: str) -> Crew:
    """Return what walks attempts, as the worker of that name."""
    children = WarmChildren()
    bare = power.drivers(children, lab)
    kit = _kit(home, lab, store, children, url, bare)
    flow = Flow(
        kit=kit,
        runs=store.runs,
        nodes=lab.nodes,
        root=str(home.attempts),
        walker=name,
        experience=store.experiences.experience,
        limits=lab.limits,
    )
    worker = Worker(
        name=name,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("smoketest-orchestrator"),
        since=kit.clock.now(),
    )
    engine = DbosEngine(lab.store_url, worker, flow.walk, flow.tick, store.workers)
    return Crew(engine=engine, flow=flow, kit=kit, children=children, bare=bare)


def _kit(
    home: Home,
    lab: LabParts,
    store: Store,
    children: WarmChildren,
    url: str,
    bare: Mapping[str, Power],
) -> Kit:
    """Return what stages work with; `bare` are the power drivers without strips behind them."""
    identity = home.identity()
    shell = SshShell()
    return Kit(
        clock=SystemClock(),
        power=power.in_flight_logs(
            power.with_strips(bare, children, lab, store), store, looks.flight_log(home)
        ),
        console={"sol": SolConsole(children)},
        boot=boots(home, lab, store.offers, url),
        shell=shell,
        canary=ShellCanary(shell),
        inspects={name: found for name, found in bare.items() if isinstance(found, Inspects)},
        deploy=AnsibleDeploy(lab.playbooks, identity, None),
        smoke=suites(home, lab, identity),
        notify=(FileNotify(),),
        vault=home.vault(),
        artifacts=FolderArtifacts(home.artifacts),
        orphans=CookieOrphans(identity),
        slots=FifoSlots(SIDE_BY_SIDE),
        queue=store.queue,
        nodes=store.nodes,
        attestations=store.attestations,
        events=store.events,
        files=FolderFiles(home.attempts),
        orders=store.orders,
        contracts=contracts(lab),
        switches=switches(lab),
        sessions=sessions(),
        partners=partners(lab, store.deliveries, SystemClock(), url, looks.flight_log(home)),
    )


def _web(
    home: Home, lab: LabParts, store: Store, engine: DbosEngine, kit: Kit, url: str
) -> web.House:
    known = _known(lab)
    desk = repositories.desk(home, lab, known, store, engine)
    library = _library(known, store, kit, home, url)
    return web.House(
        identity=_identity(home, lab),
        desk=desk,
        watcher=repositories.watcher(home, lab, desk, store),
        carried=repositories.carried(home, lab),
        studies=repositories.studies(home.repositories, lab.aliases, desk, store, library),
        inventory=Inventory(
            clock=kit.clock, nodes=store.nodes, attestations=store.attestations, engine=engine
        ),
        checkup=_checkup(known, kit, engine),
        library=library,
        windows=windows(library, store.matrix),
        mailroom=mailroom(lab, store, url, home.identity()),
        reviewing=reviewing(lab, store, desk, library),
        offers=store.offers,
        events=store.events,
        files=FolderFiles(home.attempts),
        faults=lab.faults,
        images=partial(files, lab),
        token=home.token(),
        gate=_gate(home, lab, store),
        reception=reception(home, lab, store),
        builds=Builds(
            desk=desk, library=library, items=store.items, notices=store.notices, clock=kit.clock
        ),
        partnership=partnership(kit, store, engine),
        lieutenancy=looks.lieutenancy(known, store),
        recorder=looks.recorder(home, store),
        flights=looks.flight_log(home),
        pasts=store.pasts,
        answers=store.answers,
    )


def _identity(home: Home, lab: LabParts) -> web.Identity:
    return web.Identity(
        version=version("smoketest-orchestrator"), orchestrator=home.identity(), lab=lab.title
    )


def _known(lab: LabParts) -> Lab:
    return Lab(
        nodes=lab.nodes,
        archs=lab.archs,
        trusted=lab.trusted,
        trust_code=lab.trust_code,
        partners=contracts(lab),
    )


def _gate(home: Home, lab: LabParts, store: Store) -> Gate:
    return Gate(
        clock=SystemClock(),
        tokens=store.tokens,
        users=store.users,
        operator=home.token(),
        partners=lab.partners,
        archs=lab.archs,
    )


def _checkup(known: Lab, kit: Kit, engine: DbosEngine) -> Checkup:
    """Return what tests nodes; a test that we were killed over is undone."""
    checkup = Checkup(
        lab=known,
        clock=kit.clock,
        nodes=kit.nodes,
        engine=engine,
        power=kit.power,
        consoles={"sol": SolTrial(kit.console["sol"])},
    )
    checkup.resume()
    return checkup


def _library(known: Lab, store: Store, kit: Kit, home: Home, url: str) -> Library:
    return Library(
        lab=known,
        clock=SystemClock(),
        runs_=store.runs,
        events=store.events,
        queue=store.queue,
        nodes_=store.nodes,
        attestations=store.attestations,
        files=FolderFiles(home.attempts),
        key=kit.boot["install"].key,
        catalogue=Catalogue(lab=known, board=store.board, url=url),
        experience=store.experiences.experience,
    )

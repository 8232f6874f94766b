"""The power drivers of a lab, and the power strips behind them."""

from collections.abc import Mapping
from dataclasses import asdict

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.drivers.power import pdu, redfish
from orchestrator.drivers.power.fallback import FallbackPower
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.pdu import PduPower
from orchestrator.drivers.power.redfish import RedfishPower
from orchestrator.drivers.power.told import told
from orchestrator.drivers.store.opened import Store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.flight import Track
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Node
from orchestrator.ports.flight import FlightLog
from orchestrator.ports.power import Power
from orchestrator.wiring.lab import POWER_GROUP, LabParts


def drivers(children: WarmChildren, lab: LabParts) -> dict[str, Power]:
    """Return the power drivers that the lab's nodes name: ours, or installed vendors'."""
    manners = lab.manners
    ours: dict[str, Power] = {
        "ipmi": IpmiPower(children, **asdict(manners.ipmi)),
        "redfish": RedfishPower(children, redfish.Manners(**asdict(manners.redfish))),
    }
    vendors = vendor_drivers(POWER_GROUP)
    names = {node.power for node in lab.nodes.values()} - set(ours)
    return ours | {name: vendors[name]() for name in names}


def with_strips(
    bare: Mapping[str, Power], children: WarmChildren, lab: LabParts, store: Store
) -> dict[str, Power]:
    """Return the drivers with the machines' power strips behind them, where there are any.

    That a strip was used is told in the history of the attempt that has the machine.
    """
    if not any(node.pdu for node in lab.nodes.values()):
        return dict(bare)
    strips = PduPower(children, pdu.Manners(**asdict(lab.manners.pdu)))

    def tell(node: Node, text: str) -> None:
        _note(store, node, text)

    return {name: FallbackPower(driver, strips, tell) for name, driver in bare.items()}


def in_flight_logs(drivers: Mapping[str, Power], store: Store, log: FlightLog) -> dict[str, Power]:
    """Return the drivers with each command and its reply in the flight log of who has the node."""

    def tell(node: Node, text: str) -> None:
        if holder := store.pasts.holder(node.name):
            log.tell(holder, Track.POWER, node.name, text)

    return {name: told(driver, tell) for name, driver in drivers.items()}


def _note(store: Store, node: Node, text: str) -> None:
    """Add a note to the history of who has the node now, if anybody does."""
    holders = [status.holder for status in store.nodes.all() if status.name == node.name]
    for attempt in map(AttemptId, filter(None, holders)):
        past = store.events.of(attempt)
        stage = past[-1].stage if past else Stage.PROVISION
        note = Event(kind=Kind.NOTE, stage=stage, node=node.name, text=text)
        store.events.append(attempt, [note], SystemClock().now())

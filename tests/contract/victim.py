"""A process that powers a machine on and is killed meanwhile: `python -m tests.contract.victim`.

Reads one JSON line from stdin: {"driver", "user", "password", "address", "port"}; prints `go` when
it is about to power on and `done` after.
"""

import json
import sys

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.redfish import Manners, RedfishPower
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power


def power_driver(name: str) -> Power:
    if name == "ipmi":
        return IpmiPower(WarmChildren(), gap=0)
    if name == "redfish":
        return RedfishPower(WarmChildren(), Manners(gap=0, plain=True, reads_once=False))
    return vendor_drivers("orchestrator.power")[name]()


def main() -> None:
    order = json.loads(sys.stdin.readline())
    bmc = Bmc(
        address=order["address"],
        port=order["port"],
        user=order["user"],
        password=Secret(order["password"]),
    )
    node = Node(
        name="n03",
        mac="",
        bmc=bmc,
        provenance=Provenance.SIMULATED,
        capabilities=frozenset(),
        address="",
    )
    power = power_driver(order["driver"])
    power.is_on(node, Deadline(SystemClock(), 10))
    sys.stdout.write("go\n")
    sys.stdout.flush()
    power.set(node, Deadline(SystemClock(), 10), on=True)
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()

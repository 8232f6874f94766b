"""What a BMC's sensors read in one IPMI session; runs in a child process that may be killed."""

from dataclasses import replace

from pyghmi.exceptions import IpmiException, PyghmiException
from pyghmi.ipmi.command import Command

from orchestrator.drivers.power.conversation import Order, Reply, converse, power

#: sensors that are read: a blade centre has hundreds
_MOST = 32


def read_sensors(order: Order) -> Reply:
    """Return `on` or `off`, and as facts each sensor that reads a value: its name, and that."""
    facts: list[tuple[str, str]] = []

    def talk(bmc: Command) -> str:
        facts.extend(_read(bmc))
        return power(bmc)

    reply = converse(order, talk)
    return replace(reply, facts=() if reply.refused else tuple(facts))


def _read(bmc: Command) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    try:
        for reading in bmc.get_sensor_data():
            if reading.value is not None and not reading.unavailable:
                found.append((str(reading.name), f"{reading.value:.4g} {reading.units}".strip()))
            if len(found) == _MOST:
                break
    except (IpmiException, PyghmiException):
        return found  # it has no sensor records, or spoilt ones: no reason to call it unfit
    return found

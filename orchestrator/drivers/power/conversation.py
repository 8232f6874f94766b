"""What is said to a BMC in one IPMI session; runs in a child process that may be killed.

One session per verb, since logging in is what tires a BMC most. Everything is answered as a
`Reply`: what pyghmi cannot cope with ends the child, whose caller then hears its last words.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyghmi.exceptions import IpmiException, PyghmiException
from pyghmi.ipmi.command import Command, boot_devices
from pyghmi.ipmi.private import session

from orchestrator.drivers.power.patience import settled
from orchestrator.model.node import Bmc, BootDevice

#: network function and commands (IPMI 2.0, section 28)
_CHASSIS = 0x00
_GET_STATUS, _CONTROL, _SET_BOOT_OPTIONS, _GET_BOOT_OPTIONS = 0x01, 0x02, 0x08, 0x09
_BOOT_FLAGS = 5
VALID, FOR_EVER, _UEFI = 0x80, 0x40, 0x20
#: keep the boot flags though no power command comes within 60 s, which else drops them
_NO_EXPIRY = (3, 0x08)
#: completion codes that may be over soon: busy, timeout, out of space
_BUSY = frozenset({0xC0, 0xC3, 0xC4})
#: seconds until a power command is repeated for want of an answer: a slow BMC gets it once
_REPEAT = 5
#: seconds after which a waiting pyghmi looks by itself whether a packet came
_GLANCE = 0.02
#: pyghmi's names for the devices that we boot from
_NAMES = {BootDevice.NETWORK: "network", BootDevice.DISK: "hd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A BMC and what it should bring about."""

    bmc: Bmc
    on: bool = False
    device: BootDevice = BootDevice.NETWORK
    uefi: bool = False
    #: how long (seconds) to wait for the state to read back
    settle: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the BMC reads now, or why that is not known."""

    state: str = ""
    #: what else it told of itself, by name
    facts: tuple[tuple[str, str], ...] = ()
    #: the BMC's (or pyghmi's) own words; empty when nobody answered
    refusal: str = field(default="", repr=False)
    refused: bool = False


def read_power(order: Order) -> Reply:
    """Return `on` or `off`."""
    return converse(order, power)


def set_power(order: Order) -> Reply:
    """Power on or off unless it is so; return what reads back when it is so, or time is up."""
    wanted = "on" if order.on else "off"

    def talk(bmc: Command) -> str:
        if power(bmc) != wanted:
            bmc.xraw_command(netfn=_CHASSIS, command=_CONTROL, data=[order.on], timeout=_REPEAT)
        return settled(lambda: power(bmc), wanted, order.settle)

    return converse(order, talk)


def set_boot_device(order: Order) -> Reply:
    """Set the device of the next boot unless it is so; return what reads back, our name or its."""
    wanted = _NAMES[order.device]

    def talk(bmc: Command) -> str:
        flags, found = boot_flags(bmc)
        if found != wanted or flags & (VALID | FOR_EVER) != VALID:
            _set_boot_flags(bmc, boot_devices[wanted], _UEFI if order.uefi else 0)
            flags, found = boot_flags(bmc)  # some never call them valid, but keep them
        if flags & FOR_EVER:
            return f"{found} for ever"
        return order.device.value if found == wanted else found

    return converse(order, talk)


def converse(order: Order, talk: Callable[[Command], str]) -> Reply:
    """Return the state that `talk` found in one session, or the refusal."""
    try:
        with _session(order.bmc) as bmc:
            return Reply(state=talk(bmc))
    except (PyghmiException, OSError) as error:
        words = str(error.args[0] or "") if error.args else ""
        return Reply(refused=True, refusal=words if len(error.args) < 2 else str(error))


@contextmanager
def _session(bmc: Bmc) -> Iterator[Command]:
    _wake_often()
    command = Command(
        bmc=bmc.address, port=bmc.port, userid=bmc.user, password=bmc.password.reveal()
    )
    try:
        yield command
    finally:
        command.ipmi_session.logout()  # a BMC has few sessions, and keeps a forgotten one a minute


def _wake_often() -> None:
    """Mend a lost wake-up in pyghmi, in this process, which is this session's alone.

    Its reader thread wakes nobody who begins to wait just after the packet came: the answer then
    lies there until the time of the retransmission, half a second to a second (1 call of 25).
    """
    wait = session._io_wait

    def wait_a_little(seconds: float, *rest: object) -> None:
        wait(min(seconds, _GLANCE), *rest)

    session._io_wait = wait_a_little


def power(bmc: Command) -> str:
    """Return `on` or `off`."""
    status = bmc.xraw_command(netfn=_CHASSIS, command=_GET_STATUS)["data"]
    return "on" if status[0] & 1 else "off"


def boot_flags(bmc: Command) -> tuple[int, str]:
    """Return the flags' first byte, and pyghmi's name of the device."""
    options = (_BOOT_FLAGS, 0, 0)
    data = bmc.xraw_command(netfn=_CHASSIS, command=_GET_BOOT_OPTIONS, data=options)["data"]
    device = data[3] >> 2 & 0x0F
    return data[2], str(boot_devices.get(device, f"device {device}"))


def _set_boot_flags(bmc: Command, device: int, flags: int) -> None:
    """Set the device of the next boot, for that one only."""
    try:
        bmc.xraw_command(netfn=_CHASSIS, command=_SET_BOOT_OPTIONS, data=_NO_EXPIRY)
    except IpmiException as error:
        if not _refused(error):
            raise
        # Not all know this one; the flags then hold for a minute, and we power on at once.
    data = (_BOOT_FLAGS, VALID | flags, device, 0, 0, 0)
    bmc.xraw_command(netfn=_CHASSIS, command=_SET_BOOT_OPTIONS, data=data)


def _refused(error: IpmiException) -> bool:
    """Return whether the BMC answered, with a completion code that says no for good."""
    return bool(error.ipmicode) and error.ipmicode not in _BUSY

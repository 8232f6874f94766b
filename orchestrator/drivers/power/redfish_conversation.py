"""What is said to a BMC in one Redfish session; runs in a child process that may be killed.

One login per verb, logged out of at the end: BMCs have few sessions, and forget none for minutes.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import FrameType

import requests
from sushy import BootSource, BootSourceOverrideEnabled, PowerState, ResetType
from sushy.auth import BasicAuth
from sushy.connector import Connector
from sushy.exceptions import (
    AccessError,
    ConnectionError,  # noqa: A004  # its name
    HTTPError,
    MissingAttributeError,
    ResourceNotFoundError,
    SushyError,
)
from sushy.main import Sushy
from sushy.resources.system.system import System

from orchestrator.drivers.power.patience import settled
from orchestrator.model.node import Bmc, BootDevice

#: seconds that a connection, and the farewell to a BMC, may take
_CONNECT, _FAREWELL = 5, 0.3
#: answers that mean `not now` (too many requests, busy, starting), and words that do
_PASSING = frozenset({409, 429, 502, 503, 504})
_NOT_READY = ("SYS518", "InvalidOperationForSystemState", "ServiceTemporarilyUnavailable")
_RESETS = {True: ResetType.ON, False: ResetType.FORCE_OFF}
_STATES = {
    PowerState.ON: "on",
    PowerState.OFF: "off",
    PowerState.POWERING_ON: "powering on",
    PowerState.POWERING_OFF: "powering off",
}
_SOURCES = {BootDevice.NETWORK: BootSource.PXE, BootDevice.DISK: BootSource.HDD}
_NAMES = {source: device.value for device, source in _SOURCES.items()}


class Trouble(StrEnum):
    """Why a BMC did not answer as hoped."""

    #: nobody answers
    SILENT = "silent"
    #: it proves with no certificate that we trust who it is
    STRANGER = "stranger"
    DENIED = "denied"
    #: it may be over at the next try
    PASSING = "passing"
    HOPELESS = "hopeless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A BMC, which of its systems is meant, and what should be brought about."""

    bmc: Bmc
    #: `https://HOST:PORT`
    url: str
    #: as `requests` takes it: True, False, or the path of trusted certificates
    verify: bool | str
    #: the system's network card, lower case, and name
    mac: str
    name: str
    #: seconds that one answer may take
    answer: float
    on: bool = False
    #: it was told before: another command would only begin its delay anew
    sent: bool = False
    device: BootDevice = BootDevice.NETWORK
    #: whether `Once` reads back as such, not as `Continuous`
    reads_once: bool = True
    #: how long (seconds) to wait for the state to read back
    settle: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the BMC reads now, or why that is not known."""

    state: str = ""
    trouble: Trouble | None = None
    #: what else it told of itself, by name
    facts: tuple[tuple[str, str], ...] = ()
    #: the BMC's (or the library's) own words
    words: str = field(default="", repr=False)
    #: whether it was told, now or before, to change its power state and did not refuse
    sent: bool = False


class _Ended(BaseException):
    """Our caller asked us to end; no `Exception`, since sushy swallows some of those."""


class _Unclear(Exception):
    """The BMC answers, but not with what we need to know."""


class _Starting(Exception):
    """The BMC does not know the machine's state yet."""


def read_power(order: Order) -> Reply:
    """Return `on`, `off`, `powering on` or `powering off`."""
    return converse(order, power)


def set_power(order: Order) -> Reply:
    """Power on or off unless it is so, is about to be so or was told; return what reads back."""
    wanted = "on" if order.on else "off"
    sent = order.sent

    def talk(system: System) -> str:
        nonlocal sent
        if power(system) not in {wanted, f"powering {wanted}"} and not sent:
            sent = True  # an answer that gets lost does not unsay the command
            try:
                system.reset_system(_RESETS[order.on])
            except HTTPError:
                sent = False
                raise
        return settled(lambda: power(_anew(system)), wanted, order.settle)

    reply = converse(order, talk)
    return replace(reply, sent=sent)


def set_boot_device(order: Order) -> Reply:
    """Set the device of the next boot unless it is so; return what reads back, our name or its."""

    def talk(system: System) -> str:
        if boot_device(system, order) != order.device:
            once = BootSourceOverrideEnabled.ONCE
            system.set_system_boot_options(_SOURCES[order.device], enabled=once)
        return settled(lambda: boot_device(_anew(system), order), order.device.value, order.settle)

    return converse(order, talk)


def converse(order: Order, talk: Callable[[System], str]) -> Reply:
    """Return the state that `talk` found in one session, or why it did not."""
    try:
        with _root(order) as root:
            return Reply(state=talk(_system(root, order)))
    except _Unclear as error:
        return Reply(trouble=Trouble.HOPELESS, words=str(error))
    except _Starting as error:
        return Reply(trouble=Trouble.PASSING, words=str(error))
    except AccessError as error:
        return Reply(trouble=Trouble.DENIED, words=_words(error))
    except HTTPError as error:
        passing = error.status_code in _PASSING or any(text in str(error) for text in _NOT_READY)
        trouble = Trouble.PASSING if passing else Trouble.HOPELESS
        return Reply(trouble=trouble, words=_words(error))
    except ConnectionError as error:
        return _unreached(error)
    except SushyError as error:
        return Reply(trouble=Trouble.HOPELESS, words=str(error))


@contextmanager
def _root(order: Order) -> Iterator[Sushy]:
    """Yield what the BMC offers, logged in; a login is logged out of, come what may."""
    signal.signal(signal.SIGTERM, _end)
    connector = Connector(
        order.url,
        verify=order.verify,
        server_side_retries=1,  # it would send commands, too, again
        default_request_timeout=order.answer,
        connect_timeout=min(order.answer, _CONNECT),
    )
    connector._session.trust_env = False  # no proxy of the Internet's, no login of ~/.netrc's
    user, password = order.bmc.user, order.bmc.password.reveal()
    root = Sushy(order.url, connector=connector, auth=BasicAuth(user, password))
    connector.set_auth(None)  # it would log in again when refused, and leave the first login open
    try:
        root.get_sessions_path()
    except MissingAttributeError:
        yield root
        return
    token, session = root.create_session(user, password)
    try:
        connector.set_http_session_auth(token)
        yield root
    finally:
        if session:  # else the BMC did not say how to
            with suppress(SushyError):
                connector.delete(session, timeout=_FAREWELL)


def _system(root: Sushy, order: Order) -> System:
    """Return the only system, or the one with the node's network card, or else its name."""
    systems = root.get_system_collection().get_members()
    if len(systems) == 1:
        return systems[0]
    for known in (_cards, _names):
        for system in systems:
            if {order.mac, order.name} & known(system) - {""}:
                return system
    ours = f"none has the network card {order.mac} or the name {order.name!r}"
    raise _Unclear(f"it manages {len(systems)} systems, and {ours}; mend the node's `mac`")


def _cards(system: System) -> set[str]:
    try:
        cards = system.ethernet_interfaces.get_members()
    except (MissingAttributeError, ResourceNotFoundError):
        return set()
    return {(card.mac_address or card.permanent_mac_address or "").lower() for card in cards}


def _names(system: System) -> set[str]:
    return {system.identity, system.name, system.uuid, system.hostname}


def _anew(system: System) -> System:
    system.refresh(force=True)
    return system


def power(system: System) -> str:
    """Return `on`, `off`, `powering on` or `powering off`."""
    state = _STATES.get(system.power_state)
    if state is None:
        raise _Starting(f"it reads the power state {system.json.get('PowerState')!r}")
    return state


def boot_device(system: System, order: Order) -> str:
    """Return our name of the next boot's device, else what is wrong with it."""
    if system.boot is None:
        raise _Unclear("it offers no boot device to be set")
    source = system.boot.target
    name = _NAMES.get(source, source.value if source else "default")
    enabled = system.boot.enabled
    if enabled is BootSourceOverrideEnabled.CONTINUOUS and order.reads_once:
        return f"{name} for ever"
    return "default" if enabled is BootSourceOverrideEnabled.DISABLED else name


def _words(error: HTTPError) -> str:
    detail = (error.detail or "").strip().rstrip(".")
    return f"{detail} (HTTP {error.status_code})" if detail else f"HTTP {error.status_code}"


def _unreached(error: ConnectionError) -> Reply:
    cause = error.__context__
    if isinstance(cause, requests.exceptions.SSLError):
        return Reply(trouble=Trouble.STRANGER, words=str(cause.args[0] if cause.args else cause))
    if isinstance(cause, requests.exceptions.ReadTimeout):
        return Reply(trouble=Trouble.SILENT, words="it takes the connection and says nothing")
    return Reply(trouble=Trouble.SILENT, words="")


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended

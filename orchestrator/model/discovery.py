"""What is looked for in a network, and what was found: BMCs that no lab file names yet."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret

#: addresses of one search: a /16
MOST_ADDRESSES = 65_536
IPMI_PORT, HTTPS_PORT, HTTP_PORT = 623, 443, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """As whom every BMC of the search is tried, once per protocol."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which addresses are asked, and how gently."""

    addresses: tuple[str, ...]
    login: Login | None = None
    port: int = IPMI_PORT
    #: of Redfish, by HTTPS and then by HTTP; 0: their usual ports
    redfish_port: int = 0
    #: send the password although the BMC's certificate proves nothing
    insecure: bool = False
    #: addresses that are spoken to at a time
    at_once: int = 256


class LoginState(StrEnum):
    """What became of the login."""

    #: there was none to try, or no safe way to send it
    UNTRIED = "untried"
    WELCOME = "welcome"
    #: wrong user or password
    DENIED = "denied"
    #: the BMC said nothing more, as most do to a user they do not know
    SILENT = "silent"
    #: it went wrong otherwise
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a BMC that let us in tells of a machine; empty where it does not."""

    #: `on` or `off`
    power: str = ""
    guid: str = ""
    serial: str = ""
    model: str = ""
    maker: str = ""
    #: of the machine's own network cards, lower case with colons
    macs: tuple[str, ...] = ()
    #: of the BMC
    bmc_mac: str = ""

    def over(self, other: "Machine") -> "Machine":
        """Return this with what only `other` knows."""
        return Machine(
            power=self.power or other.power,
            guid=self.guid or other.guid,
            serial=self.serial or other.serial,
            model=self.model or other.model,
            maker=self.maker or other.maker,
            macs=self.macs or other.macs,
            bmc_mac=self.bmc_mac or other.bmc_mac,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IpmiFound:
    """An answer over RMCP."""

    port: int
    #: `2.0`, `1.5`, or empty: it answered the ping and no question
    version: str
    #: how it lets log in, e.g. `rmcp+`, `md5`
    auth: tuple[str, ...] = ()
    login: LoginState = LoginState.UNTRIED
    #: in the BMC's words, why a login failed
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedfishFound:
    """An answer at `/redfish/v1/`."""

    port: int
    #: by HTTPS
    encrypted: bool
    version: str
    vendor: str = ""
    login: LoginState = LoginState.UNTRIED
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One address at which a BMC answers, and the machines behind it."""

    address: str
    ipmi: IpmiFound | None = None
    redfish: RedfishFound | None = None
    machines: tuple[Machine, ...] = ()
    #: the names of the lab's nodes that have this BMC
    nodes: tuple[str, ...] = field(default=())


def addresses(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """Return every address of `10.0.0.0/24`, `10.0.0.5-10.0.0.9` (or `-9`), `10.0.0.7`, once.

    A network's own and its broadcast address are left out. Raises `ConfigError` for what is no
    IPv4 range, or for more than `MOST_ADDRESSES`.
    """
    spans = [_span(text) for text in ranges]
    size = sum(last - first + 1 for first, last in spans)
    if size > MOST_ADDRESSES:
        msg = f"that is {size:,} addresses, and at most {MOST_ADDRESSES:,} are asked at a time"
        raise ConfigError(f"{msg}: give smaller ranges, such as the racks' BMC networks")
    found = dict.fromkeys(number for first, last in spans for number in range(first, last + 1))
    return tuple(str(ipaddress.IPv4Address(number)) for number in found)


def _span(text: str) -> tuple[int, int]:
    try:
        first, last = _ends(text.strip())
    except ValueError as error:
        msg = f"{text!r} is no range of IPv4 addresses ({error}): write 10.20.1.0/24, "
        raise ConfigError(f"{msg}10.20.1.5-10.20.1.40 or 10.20.1.5") from error
    if last < first:
        raise ConfigError(f"{text!r} ends before it begins: swap its two addresses")
    return first, last


def _ends(text: str) -> tuple[int, int]:
    if "/" in text:
        network = ipaddress.IPv4Network(text, strict=False)
        first, last = int(network.network_address), int(network.broadcast_address)
        return (first + 1, last - 1) if last - first > 1 else (first, last)
    begin, dash, end = text.partition("-")
    first = int(ipaddress.IPv4Address(begin.strip()))
    if not dash:
        return first, first
    if end.strip().isdecimal():
        end = f"{begin.rpartition('.')[0]}.{end.strip()}"
    return first, int(ipaddress.IPv4Address(end.strip()))

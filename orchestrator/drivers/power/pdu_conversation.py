"""What is said to a switched power strip by SNMP; runs in a child process that may be killed."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch.asyncio import (
    CommunityData,
    SnmpDispatcher,
    Udp6TransportTarget,
    UdpTransportTarget,
    get_cmd,
    set_cmd,
)
from pysnmp.proto.errind import ErrorIndication
from pysnmp.proto.rfc1902 import Integer32
from pysnmp.proto.rfc1905 import NoSuchInstance, NoSuchObject

from orchestrator.model.node import Pdu

#: seconds until a question is asked again, and how often; a command that comes twice does no harm
_ANSWER, _AGAIN = 1.5, 1
#: seconds between looks at outlets that are to change
_GLANCE = 0.2
#: answers to who may not write: readOnly, noAccess, authorizationError, notWritable
_DENIED = frozenset({4, 6, 16, 17})
#: and, in version 1, of what is not there or not for us
_NO_SUCH_NAME = 2


class Trouble(StrEnum):
    """Why a strip did not do as hoped."""

    SILENT = "silent"
    DENIED = "denied"
    #: it knows no such outlet
    UNKNOWN = "unknown"
    #: it may be over at the next try
    PASSING = "passing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A strip, the columns of its table of outlets, and what should be brought about."""

    pdu: Pdu
    #: 1, or 2 for 2c
    version: int
    command: str
    state: str
    on: int
    off: int
    wanted: bool = False
    #: how long (seconds) to wait for the state to read back
    settle: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Which of the outlets feed, in their order, or why that is not known."""

    fed: tuple[bool, ...] = ()
    trouble: Trouble | None = None
    #: the strip's (or the library's) own words
    words: str = field(default="", repr=False)


class _Failed(Exception):
    def __init__(self, trouble: Trouble, words: str = "") -> None:
        super().__init__(words)
        self.reply = Reply(trouble=trouble, words=words)


def read_outlets(order: Order) -> Reply:
    """Return which outlets feed."""
    return _run(_read(order))


def switch_outlets(order: Order) -> Reply:
    """Switch the outlets that are not as wanted; return what reads back, at the latest in time."""
    return _run(_switch(order))


def _run(talk: Coroutine[Any, Any, tuple[bool, ...]]) -> Reply:
    try:
        return Reply(fed=asyncio.run(talk))
    except _Failed as failed:
        return failed.reply
    except PySnmpError as error:
        return Reply(trouble=Trouble.PASSING, words=str(error))


async def _switch(order: Order) -> tuple[bool, ...]:
    for outlet, fed in zip(order.pdu.outlets, await _read(order), strict=True):
        if fed is not order.wanted:
            value = Integer32(order.on if order.wanted else order.off)
            await _ask(order, set_cmd, (f"{order.command}.{outlet}", value))
    end = time.monotonic() + order.settle
    while (found := await _read(order)) != _all(order) and time.monotonic() < end:
        await asyncio.sleep(_GLANCE)
    return found


def _all(order: Order) -> tuple[bool, ...]:
    return (order.wanted,) * len(order.pdu.outlets)


async def _read(order: Order) -> tuple[bool, ...]:
    """Return which outlets feed, each asked on its own: some strips answer no long questions."""
    return tuple([await _state(order, outlet) for outlet in order.pdu.outlets])


async def _state(order: Order, outlet: str) -> bool:
    value = await _ask(order, get_cmd, (f"{order.state}.{outlet}", None))
    if value not in {order.on, order.off}:
        words = f"outlet {outlet} reads {value}, which is neither on nor off"
        raise _Failed(Trouble.PASSING, words)
    return bool(value == order.on)


async def _ask(order: Order, verb: Any, bind: tuple[str, Any]) -> int:  # noqa: ANN401  # untyped
    """Return the value that the strip answers with."""
    community = CommunityData(order.pdu.community.reveal(), mpModel=order.version - 1)
    target = Udp6TransportTarget if ":" in order.pdu.address else UdpTransportTarget
    place = await target.create(
        (order.pdu.address, order.pdu.port), timeout=_ANSWER, retries=_AGAIN
    )
    dispatcher = SnmpDispatcher()
    try:
        failure, status, _, binds = await verb(dispatcher, community, place, bind)
    finally:
        dispatcher.close()
    _check(failure, int(status), writing=verb is set_cmd)
    (_, value), *_ = binds
    if isinstance(value, NoSuchInstance | NoSuchObject):
        raise _Failed(Trouble.UNKNOWN, f"nothing at {bind[0]}")
    return int(value)


def _check(failure: ErrorIndication | None, status: int, *, writing: bool) -> None:
    if failure:
        raise _Failed(Trouble.SILENT)
    if status in _DENIED or (status == _NO_SUCH_NAME and writing):
        raise _Failed(Trouble.DENIED)
    if status == _NO_SUCH_NAME:
        raise _Failed(Trouble.UNKNOWN, "no such name")
    if status:
        raise _Failed(Trouble.PASSING, f"SNMP error {status}")

"""RMCP+ sessions of a simulated BMC: pyghmi's server side, with its traps mended."""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Protocol

from pyghmi.ipmi.private import constants
from pyghmi.ipmi.private.serversession import ServerSession
from pyghmi.ipmi.private.session import Session

from orchestrator.lab.faults import Fault

_AUTHENTICATION = 12
_NO_AUTHENTICATION, _HMAC_SHA1 = 0, 1
_INVALID_ALGORITHM = 0x04
_UNAUTHORIZED_NAME = 0x0D
_IDLE_SECONDS = 300.0
#: network function and command that set the privilege level and close the session
_SESSION_COMMANDS = frozenset({(0x06, 0x3B), (0x06, 0x3C)})


class Owner(Protocol):
    """The BMC that a session belongs to."""

    kg: bytes | None

    def strikes(self, fault: Fault) -> bool:
        """Return whether `fault` hits this action."""
        ...

    def session_closed(self, session: "LabSession") -> None:
        """Hear that the client said goodbye."""
        ...

    def sessionless_data(self, data: bytes, sockaddr: tuple[str, int]) -> None:
        """Serve a packet outside sessions."""
        ...


class LabSession(ServerSession):  # type: ignore[misc]  # pyghmi is untyped
    """One client's session; refuses what it cannot do, and forgets clients that left."""

    #: read by the serial console of a client that vanished, set only on pyghmi's client side
    _customkeepalives = None
    #: passwords by user name
    authdata: dict[str, str]
    #: answered before the client has asked for a level
    clientpriv = 4

    def __init__(self, *request: Any, bmc: Owner) -> None:  # noqa: ANN401  # pyghmi's own
        """Answer a client's first packet; `request` is what pyghmi's ServerSession takes."""
        self.last_heard = time.monotonic()
        self._asked: tuple[object, ...] = ()
        self._answered: tuple[Sequence[int], int] | None = None
        self._opened = self._greeted = b""
        self._opening = self._challenge = bytearray()
        super().__init__(*request, bmc=bmc)

    def create_open_session_response(self, request: bytearray) -> bytearray:
        """Return the answer; SHA-256 is refused, so that the client falls back to SHA-1.

        A request that is sent again gets the same answer: another would spoil the login.
        """
        self.kg = self.bmc.kg
        if bytes(request) == self._opened:
            return self._opening
        if request[_AUTHENTICATION] in {_NO_AUTHENTICATION, _HMAC_SHA1}:
            self._opened = bytes(request)
            self._opening = super().create_open_session_response(request)
            return self._opening
        self.clientsessionid = request[4:8]
        self.managedsessionid = bytes(4)
        self.privlevel = 4
        return bytearray((request[0], _INVALID_ALGORITHM, 0, 0)) + self.clientsessionid

    def repeated(self, request: bytes) -> bool:
        """Answer once more if this is the request that began us; return whether it is."""
        if bytes(request) != self._opened:
            return False
        self._got_rmcp_openrequest(request)
        return True

    def _got_rakp1(self, data: bytearray) -> None:
        if bytes(data) == self._greeted:
            super().send_payload(self._challenge, constants.payload_types["rakp2"], retry=False)
            return
        self._greeted = bytes(data)
        name = bytes(data[28:]).decode("utf-8", "replace")
        genuine = self.authdata
        if genuine.get(name) is None:
            refusal = bytearray((data[0], _UNAUTHORIZED_NAME, 0, 0)) + self.clientsessionid
            self.send_payload(refusal, constants.payload_types["rakp2"], retry=False)
            return
        if self.bmc.strikes(Fault.WRONG_PASSWORD):
            self.authdata = {name: secrets.token_hex(8)}
        super()._got_rakp1(data)
        self.authdata = genuine

    def send_payload(self, payload: bytearray, payload_type: int, **options: Any) -> None:  # noqa: ANN401
        """Send it, and keep the challenge for a client that asks for it again."""
        if payload_type == constants.payload_types["rakp2"]:
            self._challenge = payload
        super().send_payload(payload, payload_type, **options)

    def sessionless_data(self, data: bytes, sockaddr: tuple[str, int]) -> None:
        """Hand on what came too late for this session: pyghmi still finds us by its queue."""
        self.bmc.sessionless_data(data, sockaddr)

    def handle_client_request(self, request: dict[str, Any]) -> None:
        """Serve one request of a client that has logged in.

        A request that is sent again, because its answer was late or lost, is answered again, not
        done again: nobody's machine is power-cycled twice.
        """
        self.last_heard = time.monotonic()
        asked = (self.seqlun, request["netfn"], request["command"], bytes(request["data"]))
        if asked != self._asked or asked[1:3] in _SESSION_COMMANDS:
            self._asked, self._answered = asked, None
            super().handle_client_request(request)
        elif self._answered is not None:
            super().send_ipmi_response(*self._answered)

    def send_ipmi_response(self, data: Sequence[int] = (), code: int = 0) -> None:
        """Answer the request that was served last."""
        self._answered = (data, code)
        super().send_ipmi_response(data, code)

    def close_server_session(self) -> None:
        """Forget the session; pyghmi would keep it for ever."""
        Session.bmc_handlers.pop(self.sockaddr, None)
        self.bmc.session_closed(self)


def asked_again(request: bytes, client: tuple[str, int], port: int) -> bool:
    """Answer a client that asks again for the session that it was just given; False for others."""
    held = Session.bmc_handlers.get(client, {}).get(port)
    return isinstance(held, LabSession) and held.repeated(request)


def forget_idle_sessions() -> None:
    """Drop the sessions of clients that vanished without a goodbye."""
    now = time.monotonic()
    for address, by_port in list(Session.bmc_handlers.items()):
        held = list(by_port.values())
        if all(isinstance(s, LabSession) and now - s.last_heard > _IDLE_SECONDS for s in held):
            Session.bmc_handlers.pop(address, None)

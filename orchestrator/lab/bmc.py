"""The BMC of one simulated machine: IPMI 2.0 over LAN, as any client expects it."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from pyghmi.ipmi.bmc import Bmc
from pyghmi.ipmi.private.serversession import ServerSession

from orchestrator.lab import sensors
from orchestrator.lab.board import BootDevice
from orchestrator.lab.faults import Fault, strikes
from orchestrator.lab.files import append_record
from orchestrator.lab.labdir import Endpoints, NodeDir
from orchestrator.lab.session import LabSession, asked_again, forget_idle_sessions
from orchestrator.lab.users import Users

_DONE = 0
_BUSY = 0xC0
_NOT_NOW = 0xD5
_INVALID = 0xCC
_PARAMETER_UNKNOWN = 0x80
_BOOT_FLAGS = 5
_ACCEPTED_PARAMETERS = frozenset({0, 1, 2, 3, 4, 6, 7})
#: authentication type RMCP+, payload type open session request
_OPEN_SESSION = (6, 16)
_HEADER = 22
_CHASSIS, _APPLICATION = 0x00, 0x06
_IDENTIFY = (_CHASSIS, 0x04)
_PAYLOAD_INSTANCE = (_APPLICATION, 0x4B)
_SLOW_SECONDS = 2.5
#: most that one serial-over-LAN packet carries
SOL_BYTES = 255

_DEVICES = {
    0: None,
    1: BootDevice.NETWORK,
    2: BootDevice.DISK,
    3: BootDevice.SAFE,
    5: BootDevice.CDROM,
    6: BootDevice.SETUP,
    15: BootDevice.USB,
}


class PowerCommand(StrEnum):
    """What a client may ask of the power button."""

    OFF = "power-off"
    ON = "power-on"
    CYCLE = "power-cycle"
    RESET = "power-reset"
    DIAGNOSE = "power-diag"
    SHUTDOWN = "power-shutdown"


#: in the order of the chassis control command's values
_POWER = tuple(PowerCommand)
_NEEDS_POWER = frozenset({PowerCommand.CYCLE, PowerCommand.RESET, PowerCommand.DIAGNOSE})


class Chassis(Protocol):
    """The machine that a BMC controls."""

    def powered(self) -> bool:
        """Return the true state, now."""
        ...

    def command(self, command: PowerCommand) -> None:
        """Do it at once."""
        ...

    def boot_flags(self) -> bytes:
        """Return the five bytes that a client set for the next boot, zeros when used up."""
        ...

    def set_boot_flags(self, flags: bytes) -> None:
        """Keep them for the next boot."""
        ...

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` in the event loop after `seconds`."""
        ...


def device_of(flags: bytes) -> BootDevice | None:
    """Return what boot flags ask for, None for the default."""
    return _DEVICES.get(flags[1] >> 2 & 0x0F)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What becomes of a command: the completion code, and whether anything is done."""

    code: int
    acts: bool


class NodeBmc(Bmc):  # type: ignore[misc]  # pyghmi is untyped
    """Answers on the node's own address; all state is the chassis's."""

    #: pyghmi's serial console while a client watches it
    sol: Any

    def __init__(self, folder: NodeDir, endpoints: Endpoints, chassis: Chassis) -> None:
        """Listen; raises `OSError` when the address is taken."""
        known = folder.credentials()
        identity = uuid.uuid5(uuid.NAMESPACE_OID, folder.cookie)
        super().__init__({known.user: known.password}, endpoints.bmc_port, identity, endpoints.bmc)
        self.chassis = chassis
        self.iohandler = _ignore_keys
        self._faults: Path = folder.faults
        self._commands: Path = folder.commands
        self._users = Users(folder.bmc_users, known.user)

    def strikes(self, fault: Fault) -> bool:
        """Return whether `fault` hits this action."""
        return strikes(self._faults, fault)

    def sessionless_data(self, data: bytes, sockaddr: tuple[str, int]) -> None:
        """Serve a packet outside sessions; a new session is one of ours."""
        if len(data) > _HEADER and tuple(data[4:6]) == _OPEN_SESSION:
            forget_idle_sessions()
            if not asked_again(data[16:], sockaddr, self.port):
                place = (self.authdata, self.kg, sockaddr, self.serversocket)
                LabSession(*place, data[16:], self.uuid, bmc=self)
        else:
            super().sessionless_data(data, sockaddr)

    def handle_raw_request(self, request: Mapping[str, Any], session: ServerSession) -> None:
        """Answer one request, now or (a slow BMC) later without keeping others waiting."""
        if not self.strikes(Fault.SLOW):
            self._serve(request, session)
            return
        asked = (session.seqlun, session.clientnetfn, session.clientcommand, session.rqlun)

        def answer_late() -> None:
            fields = (session.seqlun, session.clientnetfn, session.clientcommand, session.rqlun)
            session.seqlun, session.clientnetfn, session.clientcommand, session.rqlun = asked
            self._serve(request, session)
            session.seqlun, session.clientnetfn, session.clientcommand, session.rqlun = fields

        self.chassis.later(_SLOW_SECONDS, answer_late)

    def _serve(self, request: Mapping[str, Any], session: ServerSession) -> None:
        asked = (request["netfn"], request["command"])
        data = bytes(request["data"])
        reply = sensors.answer(asked, data, powered=self.chassis.powered())
        reply = reply or self._users.answer(asked, data)
        if asked == _PAYLOAD_INSTANCE:
            reply = sensors.Reply(data=_payload_owner(self.sol))
        elif asked == _IDENTIFY:
            reply = sensors.Reply()
        if reply is None:
            super().handle_raw_request(request, session)
        else:
            session.send_ipmi_response(code=reply.code, data=list(reply.data))

    def get_system_guid(self) -> uuid.UUID:
        """Return the machine's identity."""
        identity: uuid.UUID = self.uuid
        return identity

    def get_power_state(self) -> int:
        """Return 1 for on, 0 for off."""
        return int(self.chassis.powered())

    def control_chassis(self, request: Mapping[str, Any], session: ServerSession) -> None:
        """Press the power button."""
        value = request["data"][0]
        if value >= len(_POWER):
            session.send_ipmi_response(code=_INVALID)
            return
        command = _POWER[value]
        code = _NOT_NOW if command in _NEEDS_POWER and not self.chassis.powered() else _DONE
        done = self._record(command.value, "", code)
        if done.acts:
            self.chassis.command(command)
        session.send_ipmi_response(code=done.code)

    def set_system_boot_options(self, request: Mapping[str, Any], session: ServerSession) -> None:
        """Set what the next boot uses."""
        data = bytes(request["data"])
        if data[0] != _BOOT_FLAGS:
            known = data[0] in _ACCEPTED_PARAMETERS
            session.send_ipmi_response(code=_DONE if known else _PARAMETER_UNKNOWN)
            return
        flags = data[1:6].ljust(5, b"\0")
        device = device_of(flags)
        code = _DONE if flags[1] >> 2 & 0x0F in _DEVICES else _INVALID
        value = "default" if device is None else device.value
        done = self._record("boot-device", value, code)
        if done.acts:
            self.chassis.set_boot_flags(flags)
        session.send_ipmi_response(code=done.code)

    def get_system_boot_options(self, request: Mapping[str, Any], session: ServerSession) -> None:
        """Tell what the next boot uses."""
        if request["data"][0] != _BOOT_FLAGS:
            session.send_ipmi_response(code=_PARAMETER_UNKNOWN)
            return
        session.send_ipmi_response(data=[1, _BOOT_FLAGS, *self.chassis.boot_flags()])

    def is_active(self) -> bool:
        """Return whether the console may be watched: always, as with a real BMC."""
        return True

    def activate_payload(self, request: Mapping[str, Any], session: ServerSession) -> None:
        """Open the serial console, after a client that vanished if need be."""
        self.drop_broken_console()
        super().activate_payload(request, session)

    def drop_broken_console(self) -> None:
        """Free the serial console when its client no longer acknowledges."""
        if self.sol is not None and self.sol.broken:
            self.sol, self.activated = None, False

    def session_closed(self, session: LabSession) -> None:
        """Free the serial console of a client that left."""
        if self.sol is not None and self.sol.ipmi_session is session:
            self.sol, self.activated = None, False

    def _record(self, command: str, value: str, code: int) -> _Outcome:
        """Tell the witness of a command before it is done, and what the faults make of it."""
        code = _BUSY if self.strikes(Fault.BUSY) else code
        append_record(self._commands, command=command, value=value, accepted=code == _DONE)
        return _Outcome(code=code, acts=code == _DONE and not self.strikes(Fault.LYING))


def _payload_owner(sol: Any) -> tuple[int, ...]:  # noqa: ANN401  # pyghmi is untyped
    """Whose session holds the serial console, in the shape of Get Payload Instance Info."""
    owner = 0 if sol is None else int(sol.ipmi_session.localsid)
    return (*owner.to_bytes(4, "little"), *([0] * 8))


def _ignore_keys(_data: object) -> None:
    """Nobody on the machine reads its serial port; error notes of pyghmi come this way too."""

"""The sensors, event log and serial-over-LAN settings of a BMC, as raw IPMI answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_INVALID_DATA = 0xCC
_NOT_PRESENT = 0xCB
_PARAMETER_UNKNOWN = 0x80
_SDR_VERSION = 0x51
_LAST_RECORD = 0xFFFF
_RESERVATION = (0x01, 0x00)
_WHOLE = 0xFF
#: channel 1, and whichever one is asked on
_LAN_CHANNELS = frozenset({0x01, 0x0E})

#: network function and command
GET_SDR_INFO = (0x0A, 0x20)
RESERVE_SDR = (0x0A, 0x22)
GET_SDR = (0x0A, 0x23)
GET_SEL_INFO = (0x0A, 0x40)
GET_SEL_ENTRY = (0x0A, 0x43)
GET_READING = (0x04, 0x2D)
GET_THRESHOLDS = (0x04, 0x27)
GET_SOL_PARAMETER = (0x0C, 0x22)
GET_DEVICE_ID = (0x06, 0x01)
GET_CHANNEL_INFO = (0x06, 0x42)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion code (0: done) and the bytes after it."""

    code: int = 0
    data: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sensor:
    """One threshold sensor; its value is `raw * multiplier * 10 ** exponent`."""

    name: str
    kind: int
    unit: int
    multiplier: int
    exponent: int
    raw: int
    entity: int


_SENSORS = (
    _Sensor(name="CPU Temp", kind=1, unit=1, multiplier=1, exponent=0, raw=42, entity=3),
    _Sensor(name="System Temp", kind=1, unit=1, multiplier=1, exponent=0, raw=28, entity=7),
    _Sensor(name="Fan 1", kind=4, unit=18, multiplier=60, exponent=0, raw=80, entity=29),
    _Sensor(name="12V", kind=2, unit=4, multiplier=1, exponent=-1, raw=121, entity=10),
)


def _record(number: int, sensor: _Sensor) -> bytes:
    """A full sensor record (IPMI 2.0, table 43-1)."""
    body = bytearray(43)
    body[0:9] = (0x20, 0, number, sensor.entity, 1, 0x03, 0x40, sensor.kind, 1)
    body[16] = sensor.unit
    body[19] = sensor.multiplier
    body[24] = (sensor.exponent & 0x0F) << 4
    body[27] = 0xFF
    body[29] = 0xFF
    body[42] = 0xC0 | len(sensor.name)
    body += sensor.name.encode("ascii")
    return bytes((number, 0, _SDR_VERSION, 1, len(body))) + bytes(body)


_RECORDS = tuple(_record(number, sensor) for number, sensor in enumerate(_SENSORS, start=1))


def answer(command: tuple[int, int], data: bytes, *, powered: bool) -> Reply | None:
    """Return the answer to a request (`(netfn, command)`), None when it is not one of ours."""
    handler = _HANDLERS.get(command)
    return None if handler is None else handler(data, powered)


def _device_id(_data: bytes, _powered: bool) -> Reply:  # noqa: FBT001  # one shape for all
    # device 0x20 with sensor records, firmware 1.00, IPMI 2.0, chassis + SDR + sensor device
    return Reply(data=(0x20, 0x81, 1, 0, 0x02, 0x83, 0, 0, 0, 0, 0))


def _channel_info(data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    if not data or data[0] & 0x0F not in _LAN_CHANNELS:
        return Reply(code=_INVALID_DATA)
    # channel 1: wired Ethernet, IPMB messages, many sessions, of the IPMI forum's making
    return Reply(data=(1, 0x04, 0x01, 0x80, 0xF2, 0x1B, 0x00, 0x00, 0x00))


def _sdr_info(_data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    return Reply(data=(_SDR_VERSION, len(_RECORDS), 0, 0, 0x10, *([0] * 8), 0x22))


def _reserve(_data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    return Reply(data=_RESERVATION)


def _get_sdr(data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    record, offset, count = data[2] + (data[3] << 8), data[4], data[5]
    wanted = 1 if record == 0 else len(_RECORDS) if record == _LAST_RECORD else record
    if wanted > len(_RECORDS):
        return Reply(code=_NOT_PRESENT)
    onward = wanted + 1 if wanted < len(_RECORDS) else _LAST_RECORD
    end = None if count == _WHOLE else offset + count
    return Reply(data=(onward & 0xFF, onward >> 8, *_RECORDS[wanted - 1][offset:end]))


def _reading(data: bytes, powered: bool) -> Reply:  # noqa: FBT001
    if not 1 <= data[0] <= len(_SENSORS):
        return Reply(code=_NOT_PRESENT)
    if not powered:
        return Reply(data=(0, 0xE0, 0))
    return Reply(data=(_SENSORS[data[0] - 1].raw, 0xC0, 0))


def _thresholds(data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    known = 1 <= data[0] <= len(_SENSORS)
    return Reply(data=(0,) * 7) if known else Reply(code=_NOT_PRESENT)


def _sel_info(_data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    return Reply(data=(_SDR_VERSION, 0, 0, 0, 0x10, *([0] * 8), 0x02))


def _sel_entry(_data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    return Reply(code=_NOT_PRESENT)


#: parameter revision 1.1, then: set complete, enabled, admin, accumulate, retry, 115200, 115200,
#: channel 1
_SOL = {0: (0,), 1: (1,), 2: (0x84,), 3: (5, 60), 4: (7, 50), 5: (0x0A,), 6: (0x0A,), 7: (1,)}


def _sol_parameter(data: bytes, _powered: bool) -> Reply:  # noqa: FBT001
    value = _SOL.get(data[1])
    return Reply(code=_PARAMETER_UNKNOWN) if value is None else Reply(data=(0x11, *value))


_HANDLERS: Mapping[tuple[int, int], Callable[[bytes, bool], Reply]] = {
    GET_DEVICE_ID: _device_id,
    GET_CHANNEL_INFO: _channel_info,
    GET_SDR_INFO: _sdr_info,
    RESERVE_SDR: _reserve,
    GET_SDR: _get_sdr,
    GET_SEL_INFO: _sel_info,
    GET_SEL_ENTRY: _sel_entry,
    GET_READING: _reading,
    GET_THRESHOLDS: _thresholds,
    GET_SOL_PARAMETER: _sol_parameter,
}

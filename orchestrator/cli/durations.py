"""Times and counts as people say them."""

import re
from datetime import UTC, datetime, timedelta

from orchestrator.model.errors import ConfigError
from orchestrator.model.run import State
from orchestrator.model.view import CellView, Phases

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def spoken(seconds: float | None) -> str:
    """Return `8.4 s`, `3 min 05 s`, `2 h 10 min` or `3 d 4 h`; `-` for None."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    if whole < 10:
        return f"{max(0.0, seconds):.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 2 * 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def counted(number: int, noun: str) -> str:
    """Return `1 cell` or `3 cells`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ago(when: datetime) -> str:
    """Return how long ago that was."""
    return f"{spoken(int((datetime.now(UTC) - when).total_seconds()))} ago"


def local(when: datetime) -> str:
    """Return the time of day here, with the date unless it is today's."""
    here, today = when.astimezone(), datetime.now().astimezone().date()
    return here.strftime("%H:%M:%S" if here.date() == today else "%Y-%m-%d %H:%M:%S")


def worked(phases: Phases) -> float | None:
    """Return the seconds that the stages took together; None if none is over."""
    parts = (phases.lease, phases.provision, phases.deploy, phases.smoke)
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def elapsed(cell: CellView, asked_at: datetime) -> float | None:
    """Return the seconds that the cell's stages took; while it goes on, those since asking."""
    if cell.state is State.DONE:
        return worked(cell.phases)
    return max(0.0, (datetime.now(UTC) - asked_at).total_seconds())


def seconds(text: str, option: str) -> float:
    """Return the seconds of `90s`, `10m`, `2h` or `1d`; `ConfigError` naming the option."""
    length = _length(text)
    if length is None:
        msg = f"{option} {text!r} is no length of time: write 30m, 2h or 1d"
        raise ConfigError(msg)
    return length


def until(text: str) -> datetime:
    """Return the moment that `90s`, `10m`, `2h`, `1d` from now or an ISO time means, in UTC."""
    if (length := _length(text)) is not None:
        return datetime.now(UTC) + timedelta(seconds=length)
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except ValueError as error:
        msg = f"--until {text!r} is no time: write 10m, 2h or 2031-05-01T18:00"
        raise ConfigError(msg) from error


def _length(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None

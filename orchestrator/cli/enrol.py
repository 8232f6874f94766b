"""`smoketest node add`: one more machine in the lab file, looked over before it is written."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import embedded
from orchestrator.cli.session import Session
from orchestrator.config import labfile as config
from orchestrator.model.errors import ConfigError
from orchestrator.model.node import Node

#: what stands for a lab that makes its machines itself
_MADE = "qemu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a lab file must know of a machine."""

    mac: Annotated[str, typer.Option(metavar="MAC", help="Of the card that it boots from.")]
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="Where its SSH will answer.")]
    bmc: Annotated[str, typer.Option(metavar="ADDRESS", help="Of its BMC.")]
    user: Annotated[str, typer.Option(metavar="U", help="Of its BMC.")]
    password: Annotated[
        str, typer.Option(metavar="env:NAME|file:PATH", help="Where the BMC's password is.")
    ]
    power: Annotated[str, typer.Option(metavar="DRIVER", help="ipmi or redfish.")] = "ipmi"
    can: Annotated[
        str, typer.Option(metavar="WORD,...", help="What roles may ask for: x86_64,kvm")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A node that a lab file has from now on."""

    node: str
    lab: str
    #: where its table begins
    line: int


def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called.")],
    machine: Machine,
    *,
    lab: Annotated[
        str, typer.Option(metavar="FILE", help="The lab file. Default: that of the last `up`.")
    ] = "",
) -> None:
    """Add a machine to the lab file; nothing is written unless the whole file is right then."""
    path = _lab_file(session.home, lab)
    before = _text(path)
    gap = "" if not before or before.endswith("\n\n") else "\n" if before[-1:] == "\n" else "\n\n"
    node = _write(path, f"{before}{gap}{_table(name, machine)}")
    line = before.count("\n") + gap.count("\n") + 1
    said = f"{node.name} is in {path}, line {line}"
    advice = (
        f"an orchestrator has it from its next start on: then `smoketest node test {node.name}`"
    )
    session.show(Added(node=node.name, lab=str(path), line=line), f"{said}; {advice}")


def _lab_file(home: Path, named: str) -> Path:
    found = named or embedded.remembered_lab(home) or ""
    if found in {"", _MADE}:
        made = "a lab in a box makes its machines itself"
        raise ConfigError(f"{made}: name the lab file of yours with --lab")
    return Path(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}; name the lab file") from error


def _table(name: str, machine: Machine) -> str:
    """Return the machine as a table of a lab file; JSON's strings and lists are TOML's, too."""
    words = [word.strip() for word in machine.can.split(",") if word.strip()]
    outer: dict[str, str | list[str]] = {
        "name": name,
        "mac": machine.mac,
        "capabilities": words,
        "address": machine.address,
    }
    if machine.power != "ipmi":
        outer["power"] = machine.power
    bmc = {"address": machine.bmc, "user": machine.user, "password": machine.password}
    lines = ["[[nodes]]", *_lines(outer), "", "[nodes.bmc]", *_lines(bmc)]
    return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, str | list[str]]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]


def _write(path: Path, text: str) -> Node:
    """Replace the lab file by one with that text, and return its last node; all or nothing.

    Raises `ConfigError` by the lab file's own name and line.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}-{secrets.token_hex(4)}.toml")
    try:
        draft.touch(mode=0o600)
        draft.write_text(text, encoding="utf-8")
        node = config.load(draft).nodes[-1]
        draft.chmod(target.stat().st_mode & 0o777)
        draft.replace(target)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(draft), str(path))) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return node

"""The process behind a machine's Redfish face: `orchestrator.lab.qemu.redfish.command` starts it.

sushy-tools' emulator speaks Redfish; below it, in place of the emulator's own driver of pretended
systems, is one that asks the machine's IPMI BMC. Its `external_notifier` would not do: it tells of
changes that came by Redfish only, so the two faces would soon
disagree, and says nothing of what came of it.
"""

import argparse
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bcrypt
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems import fakedriver
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from orchestrator.lab.files import write_atomic
from orchestrator.lab.labdir import NodeDir
from orchestrator.lab.processes import die_with_parent
from orchestrator.lab.qemu.ipmi_speaker import Peer, Question, Speaker

#: IPMI 2.0, section 28
_GET_STATUS, _CONTROL, _GET_BOOT_OPTIONS = 0x01, 0x02, 0x09
_BOOT_FLAGS, _VALID = 5, 0x80
#: what each Redfish reset does to the chassis
_RESETS: Mapping[str, int] = {
    "ForceOff": 0,
    "On": 1,
    "ForceOn": 1,
    "PowerCycle": 2,
    "ForceRestart": 3,
    "GracefulRestart": 3,
    "Nmi": 4,
    "GracefulShutdown": 5,
}
#: Redfish's names of boot devices, pyghmi's, and their numbers in the boot flags
_DEVICES = (("Pxe", "network", 1), ("Hdd", "hd", 2), ("Cd", "optical", 5))
_NOT_NOW = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine behind the face, and its BMC."""

    name: str
    mac: str
    uuid: str
    bmc: Peer


class NodeSystems(AbstractSystemsDriver):  # type: ignore[misc]  # sushy-tools is untyped
    """The emulator's one system: the machine, as its BMC tells it."""

    def __init__(self, machine: Machine, bmc: Speaker) -> None:
        """Take the machine and who asks its BMC; nothing is asked yet."""
        self._machine = machine
        self._bmc = bmc

    @property
    def driver(self) -> str:
        """Return what the emulator calls us in its log."""
        return "<ipmi>"

    @property
    def systems(self) -> list[str]:
        """Return the UUIDs of all systems."""
        return [self._machine.uuid]

    def uuid(self, identity: str) -> str:
        """Return the system's UUID; raises `NotFound` for another identity than it or the name."""
        if identity == self._machine.uuid:
            return identity
        if identity == self._machine.name:
            raise error.AliasAccessError(self._machine.uuid)
        raise error.NotFound(f"there is no system {identity}")

    def name(self, identity: str) -> str:
        """Return the machine's name."""
        self.uuid(identity)
        return self._machine.name

    def get_power_state(self, identity: str) -> str:
        """Return `On` or `Off`, as the BMC reads now."""
        self.uuid(identity)
        return "On" if self._raw(_GET_STATUS)[0] & 1 else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        """Do what a Redfish reset asks for."""
        self.uuid(identity)
        if state not in _RESETS:
            raise error.NotSupportedError(f"{state} is no reset of this machine")
        self._raw(_CONTROL, _RESETS[state])

    def get_boot_device(self, identity: str) -> str | None:
        """Return the override of the next boot, None for none."""
        self.uuid(identity)
        flags = self._raw(_GET_BOOT_OPTIONS, _BOOT_FLAGS, 0, 0)[2:]
        number = flags[1] >> 2 & 0x0F if flags[0] & _VALID else 0
        return next((name for name, _, known in _DEVICES if known == number), None)

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Override the next boot."""
        self.uuid(identity)
        theirs = next((theirs for name, theirs, _ in _DEVICES if name == boot_source), "")
        if not theirs:
            raise error.BadRequest(f"{boot_source} is no boot source of this machine")
        self._ask(Question(boot=theirs))

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        """Return the network card that it boots from."""
        self.uuid(identity)
        return [{"id": self._machine.mac, "mac": self._machine.mac}]

    def _raw(self, command: int, *data: int) -> bytes:
        return self._ask(Question(command=command, data=data))

    def _ask(self, question: Question) -> bytes:
        answer = self._bmc.ask(question)
        if answer.trouble:
            raise error.FishyError(f"the BMC of {self._machine.name}: {answer.trouble}", _NOT_NOW)
        return answer.data


def _serve(machine: Machine, folder: Path, port: int) -> int:
    """Serve the machine's face, with what the emulator reads in `folder`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = machine.bmc.login.password.encode()
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()
    write_atomic(folder / "htpasswd", f"{machine.bmc.login.user}:{hashed}\n", mode=0o600)
    settings = {
        "LISTEN_IP": machine.bmc.address,
        "LISTEN_PORT": port,
        "STATE_DIR": str(folder),
        "AUTH_FILE": str(folder / "htpasswd"),
        "FEATURE_SET": "vmedia",
        "FAKE_DRIVER": True,
    }
    lines = [f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in settings.items()]
    write_atomic(folder / "emulator.conf", "".join(lines), mode=0o600)
    # The emulator knows four drivers by name, and has no place to register another.
    fakedriver.FakeDriver = _Registered(machine)
    sys.argv = ["sushy-emulator", "--config", str(folder / "emulator.conf"), "--fake"]
    return int(emulator.main())


class _Registered:
    """What the emulator takes for the class of its driver."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._bmc = Speaker(machine.bmc)

    def initialize(self, _config: object, _logger: object) -> "_Registered":
        return self

    def __call__(self) -> NodeSystems:
        return NodeSystems(self._machine, self._bmc)


def main() -> int:
    """Serve until the end."""
    die_with_parent(os.getppid())
    parser = argparse.ArgumentParser(description="a Redfish face for a machine of the lab")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--bmc-port", type=int, required=True)
    parser.add_argument("--mac", required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    node = NodeDir(lab=asked.dir, number=asked.number)
    machine = Machine(
        name=node.name,
        mac=asked.mac,
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, node.cookie)),
        bmc=Peer(address=asked.address, port=asked.bmc_port, login=node.credentials()),
    )
    return _serve(machine, node.root / "redfish", asked.port)


if __name__ == "__main__":
    sys.exit(main())

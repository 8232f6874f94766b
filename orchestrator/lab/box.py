"""The lab in a box as the orchestrator sees it: start it, find it again, ask for its machines."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import orchestrator
from orchestrator.lab.addresses import Plan
from orchestrator.lab.labdir import (
    LabState,
    NodeDir,
    endpoints,
    read_state,
    speed_text,
    write_state,
)
from orchestrator.lab.shape import Emulation, Shape, parse
from orchestrator.lab.system import ssh_user
from orchestrator.model.errors import ConfigError, NotFound
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret

_START_SECONDS = 300.0
_STOP_SECONDS = 20.0
_EVERY = ("x86_64", "kvm", "flat", "flat-dhcp", "vlan", "vxlan")
#: of any ten machines in a row each hypervisor is on at least six
_PAIRS = (("xenserver", "hyperv"), ("hyperv", "vmware"), ("vmware", "xenserver"))
_PERIOD = 10
_EMULATED = frozenset(("x86_64", "emulated", "kvm-guests", "xen-guests", "flat", "vlan", "zone-a"))
#: whom an emulated machine lets in, as hardware does
EMULATED_USER = "root"
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A lab that was started in `folder`."""

    folder: Path

    @property
    def speed(self) -> float:
        """Times faster than hardware, `math.inf` for no waiting."""
        return self._state().speed

    @property
    def shape(self) -> Shape:
        """What each of its emulated machines is made of."""
        return parse(self._state().emulated)

    @property
    def emulated(self) -> bool:
        """Whether its machines are emulated, rather than simulated."""
        return bool(self._state().emulated)

    def nodes(self) -> tuple[Node, ...]:
        """Return the machines, n01 first; zones are capabilities `zone-a` and `zone-b`."""
        state = self._state()
        plan = Plan(subnet=state.subnet)
        found = [self._node(plan, number) for number in range(1, state.nodes + 1)]
        return tuple(_emulated(node) for node in found) if state.emulated else tuple(found)

    def node_dir(self, name: str) -> NodeDir:
        """Return the files of the machine `name`; raises `NotFound` if there is none."""
        for number in range(1, self._state().nodes + 1):
            node = NodeDir(lab=self.folder, number=number)
            if node.name == name:
                return node
        raise NotFound(f"the lab has no machine {name!r}; see `smoketest nodes`")

    def boot_url(self) -> str:
        """Return where network boot starts, empty for nowhere."""
        return self._state().boot_url

    def set_boot_url(self, url: str) -> None:
        """Say where network boot starts: the machine's GET goes to `url` + /ipxe?mac=..."""
        write_state(self.folder, replace(self._state(), boot_url=url))

    def alive(self) -> bool:
        """Return whether the lab runs."""
        return self._state().alive()

    def stop(self) -> None:
        """End the lab and all that ran on its machines; nothing happens if it is down."""
        state = self._state()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                if state.alive():
                    os.kill(state.supervisor, number)
            deadline = time.monotonic() + _STOP_SECONDS
            while state.alive() and time.monotonic() < deadline:
                time.sleep(0.02)

    def _state(self) -> LabState:
        state = read_state(self.folder)
        if state is None:
            raise ConfigError(f"there is no lab in {self.folder}; start one with `smoketest up`")
        return state

    def _node(self, plan: Plan, number: int) -> Node:
        folder = NodeDir(lab=self.folder, number=number)
        known = folder.credentials()
        where = endpoints(plan, number)
        return Node(
            name=folder.name,
            mac=where.mac,
            bmc=Bmc(
                address=where.bmc,
                port=where.bmc_port,
                user=known.user,
                password=Secret(known.password),
            ),
            provenance=Provenance.SIMULATED,
            capabilities=capabilities(number),
            address=where.host,
            ssh_port=where.ssh_port,
            ssh_user=ssh_user(),
        )


def _emulated(node: Node) -> Node:
    return replace(
        node, provenance=Provenance.EMULATED, capabilities=_EMULATED, ssh_user=EMULATED_USER
    )


def capabilities(number: int) -> frozenset[str]:
    """Return what machine `number` can do."""
    pair = _PAIRS[(number - 1) % _PERIOD % len(_PAIRS)]
    zone = "zone-a" if number % 2 else "zone-b"
    return frozenset((*_EVERY, *pair, zone, "lefthand-simulator"))


def attach(folder: Path) -> Box | None:
    """Return the lab that runs in `folder`, None if none does."""
    state = read_state(folder)
    return Box(folder=folder.resolve()) if state is not None and state.alive() else None


def start(
    folder: Path,
    *,
    nodes: int,
    speed: float,
    boot_url: str = "",
    emulation: Emulation | None = None,
) -> Box:
    """Return a running lab: the one that is there, or a new one; all its BMCs answer.

    `speed` is times faster than hardware, `math.inf` for no waiting; the machines are simulated
    unless there is an `emulation`. Raises `ConfigError` when it cannot start, or runs already
    with another number of machines, speed or shape.
    """
    box = attach(folder)
    if box is None:
        try:
            options = ["--nodes", str(nodes), "--speed", speed_text(speed), "--boot-url", boot_url]
            options += _options(emulation) if emulation else ()
            _launch(folder, options)
        except ConfigError:
            # One that was killed while it started a lab may have left that lab running.
            if attach(folder) is None:
                raise
        box = Box(folder=folder.resolve())
    state = read_state(folder)
    shape = emulation.shape if emulation else None
    if state is not None and not state.matches(nodes, speed, shape):
        kind = f"emulated ({state.emulated})" if state.emulated else "simulated"
        raise ConfigError(
            f"a lab of {state.nodes} {kind} machines at speed {speed_text(state.speed)} runs in "
            f"{folder}; stop it first"
        )
    if boot_url:
        box.set_boot_url(boot_url)
    return box


def _options(emulation: Emulation) -> Iterator[str]:
    yield from ("--emulated", emulation.shape.text())
    for service in emulation.services:
        yield from ("--service", json.dumps(service))
    if emulation.redfish:
        yield "--redfish"


def _launch(folder: Path, options: Sequence[str]) -> None:
    command = [sys.executable, "-m", "orchestrator.lab.supervisor", "--detach"]
    command += ["--dir", str(folder), *options]
    # Little of our own environment: it would reach the code under test on the machines.
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment["PYTHONPATH"] = str(Path(orchestrator.__file__).parent.parent)
    try:
        started = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"the lab in {folder} did not start; see {folder}/lab.log") from error
    if started.returncode != 0:
        raise ConfigError(started.stderr.strip() or f"the lab in {folder} did not start")

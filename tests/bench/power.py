"""Power status of fifty BMCs at once, beside ipmitool's in the same run."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.lab import box
from orchestrator.model.node import Node
from orchestrator.ports.clock import Deadline

NODES = 50
ROUNDS = 3


def bench() -> None:
    """Print the seconds of the best round for us and for ipmitool, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        lab = box.start(Path(folder) / "lab", nodes=NODES, speed=1000)
        try:
            _compare(lab.nodes(), Path(folder))
        finally:
            lab.stop()


def _compare(nodes: Sequence[Node], folder: Path) -> None:
    power = IpmiPower(WarmChildren(), gap=0)
    ours = _best(lambda node: power.is_on(node, Deadline(SystemClock(), 60)), nodes)
    print(f"power status of {len(nodes)} BMCs at once: {ours:.2f} s")
    if shutil.which("ipmitool") is None:
        print("ipmitool is not installed here: no rival in this run (apt-get install ipmitool)")
        return
    for node in nodes:
        secret = folder / node.name
        secret.touch(mode=0o600)
        secret.write_text(node.bmc.password.reveal())
    rival = _best(lambda node: _ipmitool(node, folder / node.name), nodes)
    print(f"ipmitool, a process each: {rival:.2f} s; ratio {ours / rival:.2f}")


def _best(ask: Callable[[Node], object], nodes: Sequence[Node]) -> float:
    took = []
    with ThreadPoolExecutor(len(nodes)) as threads:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            list(threads.map(ask, nodes))
            took.append(time.perf_counter() - began)
    return min(took)


def _ipmitool(node: Node, password: Path) -> None:
    bmc = node.bmc
    where = ["-H", bmc.address, "-p", str(bmc.port), "-U", bmc.user, "-f", str(password)]
    subprocess.run(
        ["ipmitool", "-I", "lanplus", "-C", "3", *where, "power", "status"],
        capture_output=True,
        timeout=60,
        check=True,
    )

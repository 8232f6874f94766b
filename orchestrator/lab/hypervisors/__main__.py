"""A simulated hypervisor as a process: `python -m orchestrator.lab.hypervisors --config FILE`.

The file is JSON: `kind` (xenserver or hyperv), `address`, `port`, `password`, and `certificate`,
the file that the SHA-256 of its certificate is written to.
"""

import argparse
import json
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.lab.hypervisors.served import Desk, serving
from orchestrator.lab.hypervisors.winrm import HyperV
from orchestrator.lab.hypervisors.xapi import Xapi
from orchestrator.model.secret import Secret

KINDS: Mapping[str, Callable[[Secret], Desk]] = {
    "xenserver": lambda password: Xapi(password=password).desk(),
    "hyperv": lambda password: HyperV(password=password).desk(),
}


def main() -> None:
    """Answer until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    told = json.loads(parser.parse_args().config.read_text())
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    desk = KINDS[told["kind"]](Secret(told["password"]))
    with serving(desk, told["address"], int(told["port"])) as at:
        Path(told["certificate"]).expanduser().write_text(at.certificate)
        desk.ready = True
        ended.wait()


if __name__ == "__main__":
    main()

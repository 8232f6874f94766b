"""A simulated hypervisor as a process: `python -m orchestrator.lab.hypervisors --config FILE`.

The file is JSON: `kind` (xenserver, hyperv, vmware or kvm), `address`, `port`, `password`, and
`told`, the file that is then written for whoever speaks to it: the SHA-256 of its certificate; of
libvirt, the URI to connect to. That one is empty where no libvirt is installed.
"""

import argparse
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from orchestrator.lab.hypervisors import libvirt
from orchestrator.lab.hypervisors.served import Answer, Desk, serving
from orchestrator.model.secret import Secret

#: module and class: a process loads what it plays, and no other
KINDS: Mapping[str, tuple[str, str]] = {
    "xenserver": ("xapi", "Xapi"),
    "hyperv": ("winrm", "HyperV"),
    "vmware": ("vsphere", "Esxi"),
}
LIBVIRT = "kvm"


def main() -> None:
    """Answer until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    told = json.loads(parser.parse_args().config.read_text())
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with (
        _desk(told["kind"], Secret(told["password"])) as (desk, words),
        serving(desk, told["address"], int(told["port"])) as at,
    ):
        said = at.certificate if words is None else words
        Path(told["told"]).expanduser().write_text(said)
        desk.ready = True
        ended.wait()


@contextmanager
def _desk(kind: str, password: Secret) -> Iterator[tuple[Desk, str | None]]:
    """Yield what answers, and what is told of it beside its certificate."""
    if kind == LIBVIRT:
        desk = Desk(answer=lambda _: Answer(body=b"", status=404))
        programs = libvirt.find()
        if programs is None:
            print("no libvirt here: guests are made from their definitions alone", flush=True)
            yield desk, ""
            return
        with libvirt.serving(programs) as uri:
            print(f"{programs.daemon} with its test driver at {uri}", flush=True)
            yield desk, uri
        return
    module, name = KINDS[kind]
    made = getattr(import_module(f"orchestrator.lab.hypervisors.{module}"), name)
    print(f"a simulated {kind}", flush=True)
    yield made(password=password).desk(), None


if __name__ == "__main__":
    main()

"""The boot server of a rack, as a process: `python -m tests.real.rack_site FOLDER ADDRESS PORT`.

The orchestrator's own pages, API and boot server, with one script offered to one machine.
"""

import sys
from dataclasses import replace
from pathlib import Path

import uvicorn

from orchestrator.model.ids import AttemptId
from orchestrator.web.app import build
from tests.unit.web_house import furnish, offer

#: what the offered script says: that, and the platform that iPXE runs on
MARKER = "this machine is offered an install"
MAC = "52:54:00:00:00:01"


def script() -> str:
    """Return a script that says the marker and which iPXE it is run by."""
    return f"#!ipxe\necho {MARKER} on ${{platform}}\nsleep 600\n"


def serve(folder: Path, address: str, port: int) -> None:
    """Serve until killed."""
    folder.mkdir()
    with furnish(folder, nodes=1) as home:
        (node,) = home.house.library.lab.nodes.values()
        made = offer(home.url, node, AttemptId("1/kvm-flat/1"))
        home.store.offers.put(replace(made, script=script(), mac=MAC))
        uvicorn.run(build(home.house), host=address, port=port, log_config=None)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

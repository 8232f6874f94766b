"""The emulated lab's switch: each machine reads from a file which segment to be plugged into.

It does so at power-on, as a cable that is moved while the machine is off.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.model.errors import InfraError
from orchestrator.ports.clock import Deadline


class FolderSwitch:
    """Writes a machine's file; `file(port)` says where it is."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that has a file for each port."""
        self._folder = folder

    def join(self, ports: Sequence[str], deadline: Deadline) -> str:
        """Have the machines plugged into the first one's segment when they are switched on."""
        deadline.check()
        self._folder.mkdir(parents=True, exist_ok=True)
        for port in ports:
            file = self._folder / port
            draft = file.with_name(f".{port}.{os.getpid()}")
            draft.write_text(ports[0])
            draft.replace(file)
            if file.read_text() != ports[0]:
                raise InfraError(f"{file} does not say what was written; look at the lab's folder")
        return f"segment {ports[0]}"

"""Ansible action: the last bytes of a machine's logs, written below a folder of the controller."""

import base64
import binascii
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs the module of the same name, and believes nothing that it says about itself."""

    TRANSFERS_FILES = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the names of the files that were written."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        asked = dict(self._task.args)
        folder = Path(asked.pop("dest"))
        told = self._execute_module("collect_logs", module_args=asked, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            return {**result, **told}
        files = list(told.get("files", {}).items())[: int(asked["most_files"])]
        folder.mkdir(parents=True, exist_ok=True)
        for name, encoded in files:
            # The machine ran the code under test: its names and sizes may be lies.
            self._write(folder / Path(str(name)).name, encoded, int(asked["most_bytes"]))
        return {**result, "changed": False, "written": [Path(str(name)).name for name, _ in files]}

    def _write(self, path: Path, encoded: str, most: int) -> None:
        try:
            path.write_bytes(base64.b64decode(encoded, validate=True)[:most])
        except (binascii.Error, OSError) as error:
            self._display.warning(f"{path.name} was not kept: {error}")

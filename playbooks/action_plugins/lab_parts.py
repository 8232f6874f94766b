"""Ansible action: the machine has what the lab itself builds for clouds, once for all machines.

`part: guest` is the tiny guest, of Debian's packages; `part: vsphere` the vSphere simulator, of
Debian's Go packages. Nothing of the product is in them, so that they may be made here.
"""

import tarfile
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from orchestrator.lab.guest import build as guest
from orchestrator.lab.vsphere import build as vsphere
from orchestrator.model.errors import SmoketestError


class ActionModule(ActionBase):
    """Builds the part unless it is there, and sends what the machine lacks."""

    TRANSFERS_FILES = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return `parts`: where each of its files is on the machine, and other words about it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        asked = self._task.args
        try:
            files, words = built(asked["part"], Path(asked["artifacts"]) / asked["part"])
        except SmoketestError as error:
            raise AnsibleActionFail(str(error)) from error
        source = next(iter(files.values())).parent
        folder = f"{asked['home']}/parts/{source.name}"
        told = self._execute_module("wheelhouse", {"folder": folder}, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            return {**result, **told}
        result["changed"] = not told.get("present")
        if result["changed"] and not self._task.check_mode:
            told = self._send(source, folder, task_vars)
            if told.get("failed") or told.get("unreachable"):
                return {**result, **told}
        places = {name: f"{folder}/{path.name}" for name, path in files.items()}
        return {**result, "parts": {**places, **words}}

    def _send(self, source: Path, folder: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Send the folder as one archive, and have it unpacked."""
        sent = f"{folder}.tar"
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for path in sorted(source.iterdir()):
                    tar.add(path, path.name)
            file.flush()
            self._transfer_file(file.name, sent)
        more = {"folder": folder, "archive": sent}
        return self._execute_module("wheelhouse", more, task_vars=task_vars)


def built(part: str, folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the files of a part, all of them in one folder, and other words about it."""
    if part == "vsphere":
        center = vsphere.ready(folder)
        return {"program": Path(center.program), "description": Path(center.description)}, {}
    made = guest.ready(folder)
    files = {"kernel": made.kernel, "initrd": made.initrd, "disk": made.disk}
    return {name: Path(path) for name, path in files.items()}, {"command_line": made.command_line}

"""Ansible action: the released wheels of a series are on the machine, fetched once for all.

They are fetched on the controller, where packages come from, and never hold code under test.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from orchestrator.drivers.artifacts.folder import FolderArtifacts
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.errors import SmoketestError
from orchestrator.ports.clock import Deadline

_SECONDS = 3600.0
#: the machines' own, which some wheels are bound to
_PYTHON = "/usr/bin/python3"
#: what a tree is built with
_TOOLS = frozenset({"packaging", "pbr", "setuptools", "wheel"})
_NOISE = re.compile(r"^(WARNING|\[notice\])|^\s*$|See above for output|This error originates from")
#: what a build that pip ran said last
_BUILD = re.compile(r"(?P<words>[^\n]*)\n\s*\[end of output\]")


class ActionModule(ActionBase):
    """Looks at the machine first: most often they are there."""

    TRANSFERS_FILES = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the folder on the machine that holds them."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        asked = self._task.args
        pins = Path(asked["pins"])
        wanted = pins.read_text(encoding="utf-8")
        key = f"released/{asked['python']}/{hashlib.sha256(wanted.encode()).hexdigest()[:24]}.tar"
        folder = f"{asked['home']}/wheels/{Path(key).stem}"
        told = self._execute_module("wheelhouse", {"folder": folder}, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable") or told.get("present"):
            return {**result, **told, "folder": folder}
        if self._task.check_mode:
            return {**result, "changed": True, "folder": folder}
        deadline = Deadline(SystemClock(), _SECONDS, what="fetching released wheels")
        try:
            archive = FolderArtifacts(Path(asked["artifacts"])).have(
                key, partial(_fetch, pins, str(asked["python"])), deadline
            )
        except SmoketestError as error:
            raise AnsibleActionFail(str(error)) from error
        # A simulated machine is processes of this host: it has the file already.
        here = bool((task_vars or {}).get("cloud_facts", {}).get("simulated"))
        sent = str(archive) if here else f"{asked['home']}/wheels/released.tar"
        if not here:
            self._transfer_file(str(archive), sent)
        more = {"folder": folder, "archive": sent, "keep": here}
        told = self._execute_module("wheelhouse", more, task_vars=task_vars)
        return {**result, **told, "folder": folder}


def _fetch(pins: Path, python: str, draft: Path) -> None:
    """Fetch every pinned wheel (a few are built: they are released as sources only), install all.

    The environment can be moved, and is compiled: else each machine would do that again.
    """
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if not python.startswith(f"{tag}-"):
        msg = (
            f"the machine's Python is {python}, this host's {tag}: run the orchestrator on the same"
        )
        raise AnsibleActionFail(msg)
    with _folder(draft) as folder:
        wheels, venv = folder / "wheels", folder / "venv"
        words = [sys.executable, "-m", "pip", "--python", _PYTHON, "wheel", "--quiet", "--no-deps"]
        words += ["--disable-pip-version-check", "-r", str(pins), "-w", str(wheels)]
        _run(words)
        tool = _tool(wheels)
        _run([tool, "venv", "--quiet", "--relocatable", "--python", _PYTHON, str(venv)])
        found = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
        options = ["--quiet", "--no-cache", "--no-index", "--no-deps", "--compile-bytecode"]
        _run([tool, "pip", "install", "--python", str(venv / "bin" / "python"), *options, *found])
        for wheel in wheels.glob("*.whl"):
            if wheel.name.partition("-")[0] not in _TOOLS:
                wheel.unlink()
        _run(["tar", "--create", f"--file={draft}", f"--directory={folder}", "wheels", "venv"])


@contextmanager
def _folder(draft: Path) -> Iterator[Path]:
    """Yield an empty folder beside the draft, whose lock is ours, whatever was left there."""
    folder = draft.with_name(f"{draft.name.partition('.draft-')[0]}.parts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tool(wheels: Path) -> str:
    """Return the installer that came among the wheels."""
    tool = wheels / "uv"
    with zipfile.ZipFile(next(wheels.glob("uv-*.whl"))) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".data/scripts/uv"))
        tool.write_bytes(archive.read(name))
    tool.chmod(0o755)
    return str(tool)


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"released packages cannot be had: {complaint(done.stderr)}"
        raise AnsibleActionFail(msg)


def complaint(said: str) -> str:
    """Return what pip says to a person, on one line: why a build failed before that it did."""
    builds = [found["words"].strip() for found in _BUILD.finditer(said)]
    lines = [line.strip() for line in said.splitlines() if not _NOISE.search(line)]
    return " / ".join([*builds[-1:], *lines[-2:]])

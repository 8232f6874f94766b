"""Ansible action: the machine has a wheel of each tree under test, built once for all machines.

A tree is built where its code may run: on the machine, never here. Others of the same commit get
what the first one built.
"""

import configparser
import re
import tarfile
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from orchestrator.drivers.artifacts.folder import FolderArtifacts
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.errors import SmoketestError
from orchestrator.ports.clock import Deadline

_SECONDS = 1200.0
_LARGEST = 2**20  # bytes of a file that tells what a tree is
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ActionModule(ActionBase):
    """Builds on the machine what nobody has built yet."""

    TRANSFERS_FILES = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the folders on the machine that hold the wheels, one a tree."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result |= {"changed": False, "folders": [], "built": [], "projects": []}
        for tree in self._task.args["trees"]:
            told = self._have(tree, task_vars or {}, result)
            if told.get("failed") or told.get("unreachable"):
                return {**result, **told}
            result["changed"] = result["changed"] or bool(told.get("changed"))
        return result

    def _have(
        self, tree: Mapping[str, str], task_vars: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        """Have one tree's wheel on the machine; return what its last step told."""
        asked = self._task.args
        name, version = identity(Path(tree["archive"]), _pins(Path(asked["pins"])))
        label = f"{name}-{tree['commit']}"
        folder = f"{asked['home']}/wheels/{label}"
        result["folders"].append(folder)
        result["projects"].append(name)
        told = self._execute_module("wheelhouse", {"folder": folder}, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable") or told.get("present"):
            return told
        if self._task.check_mode:
            return {"changed": True}
        deadline = Deadline(SystemClock(), _SECONDS, what=f"building {name}")
        store = FolderArtifacts(Path(asked["artifacts"]))
        plan = {"project": name, "version": version, "archive": tree["archive"]}
        make = partial(self._build, plan, task_vars, result)
        try:
            kept = store.have(f"built/{asked['python']}/{label}.tar", make, deadline)
        except SmoketestError as error:
            raise AnsibleActionFail(str(error)) from error
        sent = f"{folder}.tar"
        self._transfer_file(str(kept), sent)
        more = {"folder": folder, "archive": sent}
        return self._execute_module("wheelhouse", more, task_vars=task_vars)

    def _build(
        self,
        plan: Mapping[str, str],
        task_vars: dict[str, Any],
        result: dict[str, Any],
        draft: Path,
    ) -> None:
        """Build on the machine, and bring what came of it to `draft`."""
        asked = self._task.args
        sent = f"{asked['home']}/wheels/{plan['project']}.tar.gz"
        dest = f"{asked['home']}/wheels/{plan['project']}.built.tar"
        self._transfer_file(plan["archive"], sent)
        words = {**plan, "archive": sent, "dest": dest}
        words |= {"home": asked["home"], "released": asked["released"]}
        told = self._execute_module("build_wheel", words, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            raise AnsibleActionFail(str(told.get("msg", "the build was cut off")), result=told)
        self._connection.fetch_file(dest, str(draft))
        if not tarfile.is_tarfile(draft):
            msg = f"{plan['project']} was built, but no wheel came back"
            raise AnsibleActionFail(msg)
        result["built"].append(plan["project"])


def identity(archive: Path, pins: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and version of the project whose packed tree this is.

    pbr asks git for the version, which a packed tree has none of: a release says it itself, any
    other commit comes after the release that the series pins.
    """
    told = dict(_told(archive))
    name = _name_in(told)
    known = name.lower().replace("_", "-")
    if known not in pins:
        msg = f"the repository holds {name!r}, which is no project of this series"
        raise AnsibleActionFail(msg)
    said = re.search(r"^Version: (\S+)$", told.get("PKG-INFO", ""), re.MULTILINE)
    return known, said[1] if said else f"{_next(pins[known])}.dev1"


def _told(archive: Path) -> list[tuple[str, str]]:
    """Return the files at the top of a tree that tell what it is."""
    wanted = {"PKG-INFO", "setup.cfg", "pyproject.toml"}
    found = []
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            if path.name in wanted and len(path.parts) == 1 and member.size <= _LARGEST:
                file = tar.extractfile(member)
                found.append((path.name, file.read().decode(errors="replace") if file else ""))
    return found


def _name_in(told: Mapping[str, str]) -> str:
    setup = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        setup.read_string(told.get("setup.cfg", ""))
        project = tomllib.loads(told.get("pyproject.toml", "")).get("project", {})
    except (configparser.Error, tomllib.TOMLDecodeError) as error:
        msg = f"the repository does not say what it is: {error}"
        raise AnsibleActionFail(msg) from error
    name = str(project.get("name") or setup.get("metadata", "name", fallback=""))
    if not _NAME.fullmatch(name):
        msg = "the repository is no Python project: neither pyproject.toml nor setup.cfg names one"
        raise AnsibleActionFail(msg)
    return name


def _pins(path: Path) -> dict[str, str]:
    lines = (line.partition("==") for line in path.read_text(encoding="utf-8").splitlines())
    return {name.strip().lower(): pin.strip() for name, found, pin in lines if found}


def _next(version: str) -> str:
    *head, last = version.split(".")
    return ".".join([*head, str(int(last) + 1)]) if last.isdecimal() else version

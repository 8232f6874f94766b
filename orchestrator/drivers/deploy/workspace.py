"""The files that one call of ansible-playbook reads, laid out before it starts."""

import configparser
import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.errors import Unreachable
from orchestrator.model.node import Access
from orchestrator.ports.deploy import Play, PlayHost

_KEY = re.compile(r"(?P<key>[a-z0-9@.-]+ [A-Za-z0-9+/]+=*)( .*)?")
_CONNECT = 30  # seconds: an emulated machine on a busy host takes ten
_KEEP = 30  # seconds that an idle SSH connection is kept for the next task
_SSH = {
    "BatchMode": "yes",
    "ControlMaster": "auto",
    "ControlPersist": f"{_KEEP}s",
    "GlobalKnownHostsFile": "/dev/null",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "5",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Two folders: one that is kept beside the attempt's logs, one that is gone afterwards."""

    kept: Path
    scratch: Path

    @property
    def inventory(self) -> Path:
        """Return the inventory file."""
        return self.kept / "inventory.json"

    @property
    def config(self) -> Path:
        """Return Ansible's configuration file."""
        return self.kept / "ansible.cfg"

    @property
    def variables(self) -> tuple[Path, ...]:
        """Return the files of extra variables; the one with secrets is in the scratch folder."""
        return (self.kept / "vars.json", self.scratch / "secrets.yml")

    def lay(self, play: Play, python: str, roles: Path) -> None:
        """Write every file; nothing secret goes to the folder that is kept."""
        plain, secret = self.variables
        pinned = "".join(f"{_pin(host)}\n" for host in play.hosts)
        (self.kept / "known_hosts").write_text(pinned, encoding="utf-8")
        plain.write_text(json.dumps(dict(play.settings), indent=1), encoding="utf-8")
        self.inventory.write_text(json.dumps(_inventory(play), indent=1), encoding="utf-8")
        with self.config.open("w", encoding="utf-8") as file:
            self._settings(play, python, roles).write(file)
        with os.fdopen(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            # `!unsafe`: a secret that holds braces is not a template. JSON strings are YAML.
            file.writelines(f"{k}: !unsafe {json.dumps(v.reveal())}\n" for k, v in play.secrets)
            file.write("{}\n" if not play.secrets else "")
        for name in ("events", "tmp", "cp"):
            (self.scratch / name).mkdir(mode=0o700)
        (self.kept / "job_events").symlink_to(self.scratch / "events")

    def clear(self) -> None:
        """Take away what only made sense while the play ran."""
        (self.kept / "job_events").unlink(missing_ok=True)

    def _settings(self, play: Play, python: str, roles: Path) -> configparser.ConfigParser:
        ssh = _SSH | {"UserKnownHostsFile": str(self.kept / "known_hosts")}
        ssh |= {"IdentityFile": str(Path(play.key).absolute())}
        options = " ".join(f"-o {shlex.quote(f'{name}={value}')}" for name, value in ssh.items())
        settings = configparser.ConfigParser(interpolation=None)
        settings["defaults"] = {
            "collections_scan_sys_path": "False",
            "deprecation_warnings": "False",
            "forks": str(max(5, len(play.hosts))),
            "gathering": "explicit",
            "host_key_checking": "True",
            "interpreter_python": python,
            "local_tmp": str(self.scratch / "tmp"),
            "nocows": "True",
            "retry_files_enabled": "False",
            "roles_path": str(roles),
            "timeout": str(_CONNECT),
        }
        settings["inventory"] = {"enable_plugins": "ansible.builtin.yaml"}
        settings["ssh_connection"] = {
            "control_path_dir": str(self.scratch / "cp"),
            "pipelining": "True",
            "ssh_args": f"-F /dev/null {options}",
            "transfer_method": "piped",
            "usetty": "False",  # a terminal would mix up what a command says and complains
        }
        return settings


def _inventory(play: Play) -> object:
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for host in play.hosts:
        for group in host.groups:
            groups.setdefault(group, {"hosts": {}})["hosts"][host.name] = {}
    return {
        "all": {"hosts": {host.name: _variables(host) for host in play.hosts}, "children": groups}
    }


def _variables(host: PlayHost) -> dict[str, object]:
    access = {
        "ansible_host": host.access.address,
        "ansible_port": host.access.port,
        "ansible_user": host.access.user,
    }
    return {**access, **dict(host.settings)}


def _pin(host: PlayHost) -> str:
    """Return the known_hosts line for the key that the node called home with."""
    found = _KEY.fullmatch(host.access.host_key.strip())
    if not found:
        msg = f"{host.name} called home with {host.access.host_key[:40]!r}, which is no host key"
        raise Unreachable(msg, node=host.name)
    return f"{_place(host.access)} {found['key']}"


def _place(access: Access) -> str:
    return access.address if access.port == 22 else f"[{access.address}]:{access.port}"

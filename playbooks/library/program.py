#!/usr/bin/python
"""Ansible module: a program of the node's supervisor runs, or has run, and is well.

`once` is for what must end with status 0 before anything else can go on. A program that runs with
the same command, environment and configuration files is left alone; one that was done is not
started again. When it fails, the message ends with the program's own last error.
"""

import hashlib
import os
import signal
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.supervised import answers, info, said, supervisor

_POLL_SECONDS = 0.1
_BURY_SECONDS = 10.0


@dataclass
class Program:
    """One program, by what is asked for and its files below the supervisor's folder."""

    asked: dict
    home: Path

    @property
    def name(self) -> str:
        """Return its name."""
        return self.asked["name"]

    @property
    def log(self) -> Path:
        """Return where it logs to."""
        return self.home / "log" / f"{self.name}.log"

    @property
    def section(self) -> Path:
        """Return its part of the supervisor's configuration."""
        return self.home / "programs" / f"{self.name}.ini"

    def wanted(self) -> str:
        """Return what that part should say."""
        state = hashlib.sha256(self.asked["command"].encode())
        for path in map(Path, self.asked["watch"]):
            state.update(path.read_bytes() if path.is_file() else b"")
        environment = {**self.asked["environment"], "PROGRAM_STATE": state.hexdigest()[:16]}
        listed = ",".join(f'{key}="{_escaped(str(value))}"' for key, value in environment.items())
        settings = {
            "command": _escaped(self.asked["command"]),
            "directory": self.asked["directory"] or str(self.home),
            "environment": listed,
            "autostart": "false",
            # Nothing is healed behind a test's back.
            "autorestart": "false",
            "startsecs": "0",
            "startretries": "0",
            "stopsignal": "TERM",
            "stopwaitsecs": "15",
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(self.log),
            "stdout_logfile_maxbytes": "0",
        }
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        return f"[program:{self.name}]\n{lines}"


def _escaped(text: str) -> str:
    """Return the text as the supervisor's configuration takes it literally."""
    return text.replace("%", "%%")


def ensure(module: AnsibleModule, program: Program, server: xmlrpc.client.ServerProxy) -> bool:
    """Have the program started if need be; return whether it had to be."""
    wanted = program.wanted()
    stale = not program.section.exists() or program.section.read_text() != wanted
    state = info(server, program.name)
    over = state is not None and state["statename"] == "EXITED" and state["exitstatus"] == 0
    runs = state is not None and state["statename"] in {"RUNNING", "STARTING"}
    fine = runs or (program.asked["once"] and over)
    if fine and not stale:
        return False
    if module.check_mode:
        return True
    if stale:
        program.section.parent.mkdir(parents=True, exist_ok=True)
        program.log.parent.mkdir(parents=True, exist_ok=True)
        draft = program.section.with_suffix(".draft")
        draft.write_text(wanted)
        draft.replace(program.section)
    _reload(server, program.name, known=state is not None)
    server.supervisor.startProcess(program.name, False)  # noqa: FBT003  # XML-RPC
    return True


def _reload(server: xmlrpc.client.ServerProxy, name: str, *, known: bool) -> None:
    [[added, changed, _]] = server.supervisor.reloadConfig()
    if known and name in changed:
        leader = (info(server, name) or {}).get("pid", 0)
        _quietly(server.supervisor.stopProcess, name)
        _bury(leader)
        server.supervisor.removeProcessGroup(name)
    if name in {*added, *changed}:
        server.supervisor.addProcessGroup(name)


def _bury(leader: int) -> None:
    """See that all of a program's processes are gone: one of them may still hold its port."""
    give_up = time.monotonic() + _BURY_SECONDS
    while leader:
        try:
            os.killpg(leader, signal.SIGKILL if time.monotonic() > give_up else 0)
        except ProcessLookupError:
            return
        time.sleep(_POLL_SECONDS)


def _quietly(call: object, *words: object) -> None:
    try:
        call(*words)
    except xmlrpc.client.Fault:
        return  # it did not run


def wait(module: AnsibleModule, program: Program, server: object, offset: int) -> None:
    """Return once the program is done or well; fail with its last words otherwise."""
    asked = program.asked
    give_up = time.monotonic() + asked["seconds"]
    why = ""
    while time.monotonic() < give_up:
        state = info(server, program.name) or {"statename": "UNKNOWN", "exitstatus": -1}
        name = state["statename"]
        if name == "EXITED" and state["exitstatus"] == 0 and asked["once"]:
            return
        if name in {"EXITED", "FATAL", "BACKOFF", "UNKNOWN"}:
            ended = f"{program.name} ended with status {state['exitstatus']}"
            module.fail_json(msg=f"{ended}: {said(program.log, offset)} ({program.log.name})")
        why = "is not done" if asked["once"] else answers(asked["url"]) if asked["url"] else ""
        if not why:
            return
        time.sleep(_POLL_SECONDS)
    late = f"{program.name} {why} after {asked['seconds']} s"
    module.fail_json(msg=f"{late}: {said(program.log, offset)} ({program.log.name})")


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "name": {"required": True},
            "home": {"type": "path", "required": True},
            "command": {"required": True},
            "directory": {"type": "path", "default": ""},
            "environment": {"type": "dict", "default": {}},
            # files that it reads as it starts
            "watch": {"type": "list", "elements": "path", "default": []},
            "once": {"type": "bool", "default": False},
            # a program that must be done before this one is started
            "after": {"default": ""},
            # http, tcp, unix, or a file that it writes: where it answers when it is well
            "url": {"default": ""},
            "wait": {"type": "bool", "default": True},
            "seconds": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    home = Path(module.params["home"])
    program = Program(asked=module.params, home=home)
    server = supervisor(home)
    if module.check_mode and not (home / "supervisor.sock").exists():
        module.exit_json(changed=True)
    offset = program.log.stat().st_size if program.log.exists() else 0
    try:
        if module.params["after"] and not module.check_mode:
            first = {**module.params, "name": module.params["after"], "once": True}
            wait(module, Program(asked=first, home=home), server, 0)
        changed = ensure(module, program, server)
        if module.params["wait"] and not module.check_mode:
            wait(module, program, server, offset if changed else 0)
    except (OSError, xmlrpc.client.Error) as error:
        module.fail_json(msg=f"the supervisor of {home} cannot be asked: {error}")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()

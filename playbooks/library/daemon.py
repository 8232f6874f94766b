#!/usr/bin/python
"""Ansible module: a Python service of the product runs, survives us, and answers.

The process leads a session of its own and inherits our environment. Its configuration, process id
and log are in `folder`. A service that runs with the same code and configuration is left alone.
When it does not come up, the message ends with what it logged itself.
"""

import hashlib
import http.client
import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

_POLL_SECONDS = 0.03
_STOP_SECONDS = 5.0
_ANSWER_SECONDS = 2.0
_LOG_BYTES = 65536
_OK = 200


class Daemon:
    """One service, by the files that it has in its folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Name its files."""
        self.config = folder / f"{name}.json"
        self.log = folder / f"{name}.log"
        self._pid = folder / f"{name}.pid"
        self._state = folder / f"{name}.state"

    def pid(self) -> int | None:
        """Return its process id if it runs."""
        try:
            pid = int(self._pid.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # The number alone may be another's by now.
        return pid if str(self.config).encode() in words else None

    def runs(self, state: str) -> bool:
        """Return whether it runs, and was started with `state`."""
        try:
            return self.pid() is not None and self._state.read_text() == state
        except OSError:
            return False

    def start(self, command: list[str], tree: str, config: str, state: str) -> subprocess.Popen:
        """Start it."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        draft = self.config.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(config)
        draft.replace(self.config)
        self._state.write_text(state)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--config", str(self.config)],
                cwd=tree,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Written by the process itself: whoever kills us cannot come between the two.
                preexec_fn=lambda: self._pid.write_text(str(os.getpid())),
            )

    def stop(self) -> bool:
        """End it; return whether it ran."""
        pid = self.pid()
        if pid is None:
            return False
        give_up = time.monotonic() + _STOP_SECONDS
        number = signal.SIGTERM
        while self.pid() is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
            time.sleep(_POLL_SECONDS)
            number = signal.SIGKILL if time.monotonic() > give_up else signal.SIGTERM
        return True

    def said(self, offset: int) -> str:
        """Return the last error that it logged since `offset`, or else its last line."""
        with self.log.open("rb") as log:
            log.seek(max(offset, log.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        errors = [line for line in lines if " ERROR " in line or " CRITICAL " in line]
        spoken = errors or [line for line in lines if line.strip()] or ["it logged nothing"]
        return spoken[-1].strip()


def _connection(scheme: str, place: str) -> http.client.HTTPConnection:
    """Return a connection; by https to whatever certificate, since only health is asked."""
    if scheme == "http":
        return http.client.HTTPConnection(place, timeout=_ANSWER_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(place, timeout=_ANSWER_SECONDS, context=context)


def answers(url: str) -> bool:
    """Return whether the service says that it is well."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def up(module: AnsibleModule, daemon: Daemon) -> bool:
    """Have the service run and answer; return whether it had to be started."""
    asked = module.params
    python = asked["python"] or sys.executable
    parts = (asked["config"], asked["module"], asked["tree"], python)
    state = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    start = not daemon.runs(state)
    if module.check_mode:
        return start
    offset, process = 0, None
    if start:
        daemon.stop()
        offset = daemon.log.stat().st_size if daemon.log.exists() else 0
        command = [python, "-m", asked["module"]]
        process = daemon.start(command, asked["tree"], asked["config"], state)
    give_up = time.monotonic() + asked["seconds"]
    while not answers(asked["health"]):
        if process is not None and process.poll() is not None:
            ended = f"{asked['module']} ended with status {process.returncode} as it started"
            module.fail_json(msg=f"{ended}: {daemon.said(offset)}")
        if time.monotonic() > give_up:
            silent = f"{asked['module']} does not answer at {asked['health']}"
            module.fail_json(msg=f"{silent} after {asked['seconds']} s: {daemon.said(offset)}")
        time.sleep(_POLL_SECONDS)
    return start


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "name": {"required": True},
            "folder": {"type": "path", "required": True},
            "state": {"choices": ["started", "absent"], "default": "started"},
            "module": {},
            "tree": {"type": "path"},
            # what runs it; the interpreter of this module, if none is named
            "python": {"type": "path"},
            "config": {"no_log": True},
            "health": {},
            "seconds": {"type": "int", "default": 60},
        },
        required_if=[("state", "started", ("module", "tree", "config", "health"))],
        supports_check_mode=True,
    )
    daemon = Daemon(Path(module.params["folder"]), module.params["name"])
    if module.params["state"] == "started":
        module.exit_json(changed=up(module, daemon))
    if module.check_mode:
        module.exit_json(changed=daemon.pid() is not None)
    module.exit_json(changed=daemon.stop())


if __name__ == "__main__":
    main()

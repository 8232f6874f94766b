#!/usr/bin/python
"""Ansible module: what the cloud's services stand on answers; nothing of it is under test."""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.supervised import answers, info, said, supervisor

_POLL_SECONDS = 0.2


def over(home: Path, name: str) -> bool:
    """Return whether the program will never answer, since it ended."""
    state = info(supervisor(home), name)
    return state is not None and state["statename"] in {"EXITED", "FATAL"}


def silent(home: Path, urls: dict[str, str], seconds: float) -> str:
    """Return what does not answer, and why; empty once all answer.

    One that runs and still starts is waited for; one that ended is told at once.
    """
    give_up = time.monotonic() + seconds
    for name, url in urls.items():
        while why := answers(url):
            if time.monotonic() > give_up or over(home, name):
                log = home / "log" / f"{name}.log"
                return f"{name} {why}: {said(log)} ({name}.log)"
            time.sleep(_POLL_SECONDS)
    return ""


def ended(module: AnsibleModule, home: Path, programs: list[str]) -> None:
    """Fail for the first of the programs that does not run."""
    server = supervisor(home)
    for name in programs:
        state = info(server, name)
        if state is None or state["statename"] not in {"STARTING", "RUNNING"}:
            log = home / "log" / f"{name}.log"
            module.fail_json(msg=f"{name} does not run: {said(log)} ({name}.log)")


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            # program -> tcp or unix URL
            "answer": {"type": "dict", "required": True},
            # programs that only have to run
            "run": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    asked = module.params
    home = Path(asked["home"])
    if not module.check_mode:
        if complaint := silent(home, asked["answer"], asked["seconds"]):
            module.fail_json(msg=complaint)
        ended(module, home, asked["run"])
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Ansible module: what a machine is, and what it lacks to carry a part of the cloud.

A simulated machine is processes of the lab's own host, on which no play installs anything: there,
what is missing is an error that says what to type.
"""

import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

_PYTHON = "/usr/bin/python3"
#: in the environment of everything that runs on a simulated machine
_SIMULATED = "SMOKETEST_NODE"


def missing(packages: list[str]) -> list[str]:
    """Return those of the Debian packages that are not installed."""
    line = "${Package} ${db:Status-Status}\n"
    done = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={line}", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    there = {words[0] for words in map(str.split, done.stdout.splitlines()) if "installed" in words}
    return [package for package in packages if package not in there]


def python() -> str:
    """Return which Python the services run on: the system's, not the one that runs us."""
    script = "import sys, platform; print('cp%d%d' % sys.version_info[:2], platform.machine())"
    words = [_PYTHON, "-c", script]
    return "-".join(subprocess.run(words, capture_output=True, text=True).stdout.split())


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={"packages": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    simulated = _SIMULATED in os.environ
    lacking = missing(module.params["packages"])
    if os.geteuid() != 0:
        module.fail_json(
            msg="the cloud's services need root on their machine; start the lab as root"
        )
    if simulated and lacking:
        line = f"sudo apt-get install --no-install-recommends {' '.join(lacking)}"
        module.fail_json(msg=f"this host lacks packages that simulated machines use; type: {line}")
    module.exit_json(
        changed=False,
        home=str(Path.home()),
        simulated=simulated,
        missing=lacking,
        python=python(),
    )


if __name__ == "__main__":
    main()

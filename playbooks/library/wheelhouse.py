#!/usr/bin/python
"""Ansible module: a folder holds what a tar archive was sent with, or says that it does not.

The folder is renamed into place: one of that name is whole.
"""

import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "archive": {"type": "path", "default": ""},
            # it is not a copy of our own
            "keep": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    folder, archive = Path(module.params["folder"]), module.params["archive"]
    present = folder.is_dir()
    if present or module.check_mode:
        module.exit_json(changed=False, present=present)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not archive:
        module.exit_json(changed=False, present=False)
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    words = ["tar", "--extract", "--no-same-owner", f"--file={archive}", f"--directory={draft}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines() or ["tar does not say why"]
        module.fail_json(msg=f"{archive} cannot be unpacked: {lines[-1]}")
    draft.rename(folder)
    if not module.params["keep"]:
        Path(archive).unlink()
    module.exit_json(changed=True, present=True)


if __name__ == "__main__":
    main()

#!/usr/bin/python
"""Ansible module: some files of a folder have these contents, all in one go.

Each is written beside its place and renamed: a file of that name is whole, whenever we are killed.
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def same(path: Path, content: bytes, mode: int) -> bool:
    """Return whether the file has that content and mode already."""
    try:
        return path.read_bytes() == content and path.stat().st_mode & 0o7777 == mode
    except FileNotFoundError:
        return False


def lay(path: Path, content: bytes, mode: int) -> None:
    """Give the file that content and mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
    draft.chmod(mode)
    draft.replace(path)


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            # by name below the folder; they may hold passwords
            "files": {"type": "dict", "required": True, "no_log": True},
            "mode": {"type": "str", "default": "0600"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    mode, folder = int(asked["mode"], 8), Path(asked["folder"])
    wanted = {folder / name: text.encode() for name, text in asked["files"].items()}
    stale = [path for path, content in wanted.items() if not same(path, content, mode)]
    try:
        for path in [] if module.check_mode else stale:
            lay(path, wanted[path], mode)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or folder} cannot be written: {error.strerror}")
    module.exit_json(changed=bool(stale), written=[path.name for path in stale])


if __name__ == "__main__":
    main()

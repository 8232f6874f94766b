#!/usr/bin/python
"""Ansible module: returns the last bytes of some files of a machine, in one go.

Its action plugin of the same name writes them on the controller.
"""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def newest(folder: Path, patterns: list[str], most: int) -> list[Path]:
    """Return the files below `folder` that match, at most `most`, the newest first."""
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return files[:most]


def tails(files: list[Path], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the last bytes of each file."""
    for path in files:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
            yield path.name, file.read(most_bytes)


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "patterns": {"type": "list", "elements": "str", "required": True},
            "most_files": {"type": "int", "required": True},
            "most_bytes": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        files = newest(Path(asked["folder"]), asked["patterns"], asked["most_files"])
        found = dict(tails(files, asked["most_bytes"]))
    except OSError as error:
        module.fail_json(msg=f"the logs cannot be read: {error}")
    encoded = {name: base64.b64encode(data).decode() for name, data in found.items()}
    module.exit_json(changed=False, files=encoded)


if __name__ == "__main__":
    main()

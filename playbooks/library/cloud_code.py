#!/usr/bin/python
"""Ansible module: a virtual environment holds the released code, and on top what is under test.

The released code comes installed and compiled; its files are linked, not copied. The stamp is
written last: an environment that has one is whole.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

_LINES = 4
_PYTHON = "/usr/bin/python3"


def run(module: AnsibleModule, words: list[str]) -> None:
    """Run one of the installer's commands; fail with its last words."""
    env = {**os.environ, "UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        module.fail_json(msg=f"the code does not fit together: {' / '.join(lines[-_LINES:])}")


def install(module: AnsibleModule, wheels: list[Path], venv: Path) -> None:
    """Make the environment anew, and see that what is in it fits together."""
    released = Path(module.params["released"])
    shutil.rmtree(venv, ignore_errors=True)
    run(module, ["cp", "--archive", "--link", str(released / "venv"), str(venv)])
    for name in ("python", "python3"):
        (venv / "bin" / name).unlink(missing_ok=True)
        (venv / "bin" / name).symlink_to(_PYTHON)
    settings = venv / "pyvenv.cfg"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("home")]
    settings.unlink()  # a link to everybody's
    home = Path(_PYTHON).parent
    settings.write_text("\n".join([f"home = {home}", *lines, ""]))
    tool, python = str(released / "wheels" / "uv"), ["--python", str(venv / "bin" / "python")]
    if wheels:
        words = ["pip", "install", "--quiet", *python, "--no-deps", "--reinstall"]
        run(module, [tool, *words, *map(str, wheels)])
    run(module, [tool, "pip", "check", *python])


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "released": {"type": "path", "required": True},
            "sources": {"type": "list", "elements": "path", "required": True},
            "venv": {"type": "path", "required": True},
            # tells the programs that the code is another
            "stamp": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    wheels = [wheel for folder in asked["sources"] for wheel in Path(folder).glob("*.whl")]
    said = "".join(f"{path}\n" for path in (asked["released"], *wheels))
    state = hashlib.sha256(said.encode()).hexdigest()
    stamp, venv = Path(asked["stamp"]), Path(asked["venv"])
    same = stamp.exists() and stamp.read_text() == state and venv.exists()
    if not same and not module.check_mode:
        stamp.unlink(missing_ok=True)
        install(module, wheels, venv)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(state)
    module.exit_json(changed=not same)


if __name__ == "__main__":
    main()

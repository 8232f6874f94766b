#!/usr/bin/python
"""Ansible module: builds the wheel of a packed source tree, with nothing but wheels that are there.

The wheel comes as a tar archive of its own. When the tree cannot be built, the message ends with
the build's own last words.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

_LINES = 6
_PYTHON = "/usr/bin/python3"


def run(module: AnsibleModule, words: list[str], **more: object) -> None:
    """Run a command; fail with its last words."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = " / ".join(lines[-_LINES:])[-800:]
        module.fail_json(msg=f"{module.params['project']} does not build: {said}")


def list_sources(tree: Path, project: str) -> None:
    """Write the list of files that a release has: pbr would ask git, and pack no data without."""
    files = [str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()]
    folder = tree / f"{project.replace('-', '_')}.egg-info"
    folder.mkdir(exist_ok=True)
    (folder / "SOURCES.txt").write_text("".join(f"{name}\n" for name in sorted(files)))


def build(module: AnsibleModule) -> None:
    """Build the wheel and pack it."""
    asked = module.params
    home, wheels = Path(asked["home"]), Path(asked["released"]) / "wheels"
    place = home / "build" / asked["project"]
    shutil.rmtree(place, ignore_errors=True)
    (place / "tree").mkdir(parents=True)
    run(
        module,
        ["tar", "--extract", f"--file={asked['archive']}", f"--directory={place / 'tree'}"],
    )
    list_sources(place / "tree", asked["project"])
    env = {
        **os.environ,
        "PBR_VERSION": asked["version"],
        "UV_CACHE_DIR": str(home / "uv-cache"),
        "UV_OFFLINE": "1",
        "UV_NO_CONFIG": "1",
    }
    tool = str(wheels / "uv")
    python = str(place / "venv")
    run(module, [tool, "venv", "--quiet", "--python", _PYTHON, python], env=env)
    tools = [str(wheel) for wheel in wheels.glob("*.whl")]
    words = ["pip", "install", "--quiet", "--python", python, "--no-index", "--no-deps"]
    run(module, [tool, *words, *tools], env=env)
    options = ["--wheel", "--no-build-isolation", "--python", python, "--out-dir", str(place)]
    run(module, [tool, "build", *options, str(place / "tree")], env=env)
    with tarfile.open(asked["dest"], "w") as tar:
        for wheel in place.glob("*.whl"):
            tar.add(wheel, wheel.name)
    shutil.rmtree(place, ignore_errors=True)


def main() -> None:
    """Do what Ansible asks for."""
    module = AnsibleModule(
        argument_spec={
            "project": {"required": True},
            "version": {"required": True},
            "archive": {"type": "path", "required": True},
            "home": {"type": "path", "required": True},
            "released": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
        },
    )
    try:
        build(module)
    except (OSError, tarfile.TarError) as error:
        module.fail_json(msg=f"{module.params['project']} cannot be unpacked: {error}")
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()

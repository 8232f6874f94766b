"""Real repositories and operators' patches on them, made for a test."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *argv: str, stdin: str = "") -> str:
    who = {
        f"GIT_{role}_{key}": "x@y" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", *argv], cwd=folder, env=env, input=stdin, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def made(folder: Path) -> Path:
    """An empty repository whose branch is called trunk."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    return folder


def commit(folder: Path, subject: str, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


def exported(folder: Path, out: Path, base: str) -> None:
    """Write what is on top of `base` as an operator's folder, and go back to it."""
    out.mkdir(parents=True)
    git(folder, "format-patch", "--quiet", "-o", str(out), base)
    git(folder, "checkout", "--quiet", "trunk")


def numbered(count: int, **changed: str) -> str:
    """`count` lines, some of them changed: `_7="seven"`."""
    rows = {number: f"line {number}" for number in range(1, count + 1)}
    rows |= {int(key[1:]): text for key, text in changed.items()}
    return "\n".join(rows.values()) + "\n"

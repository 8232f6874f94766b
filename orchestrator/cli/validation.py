"""Looks over lab files, arch files, plays and suites, without a machine or a cloud."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator import archs
from orchestrator.config import labfile as config
from orchestrator.config.partners import strangers
from orchestrator.model.errors import ConfigError

DEADLINE = 60.0
_ANSIBLE = Path(sys.prefix) / "bin" / "ansible-playbook"
#: the part of Ansible's last words that tells; its advice and the excerpt follow
_ANSIBLE_ERROR = re.compile(r"\[ERROR\]: (.+?)\nOrigin: (.+?:\d+):", re.DOTALL)
_COLLECTING = re.compile(r"^_+ ERROR collecting (.+?) _+$", re.MULTILINE)
_FRAME = re.compile(r"^(\S+\.py):(\d+): in ", re.MULTILINE)
_SYNTAX_FRAME = re.compile(r"^E +File \"(.+)\", line (\d+)", re.MULTILINE)
_SAID = re.compile(r"^E   (.+)", re.MULTILINE)
_PYTEST = (
    *("-m", "pytest", "--collect-only", "-q", "--config-file=/dev/null", "--color=no"),
    *("--disable-plugin-autoload", "-pno:cacheprovider"),
)
_NO_TESTS = 5
_YAML = frozenset({".yaml", ".yml"})


class Kind(StrEnum):
    """What a file is to us."""

    LAB = "lab"
    ARCH = "arch"
    PLAY = "play"
    SUITE = "suite"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file that was looked over; each error is `file:line: what is wrong; what to do`."""

    kind: Kind
    path: str
    errors: tuple[str, ...] = ()


def everything(folders: config.Folders) -> Iterator[Checked]:
    """Yield what became of every arch file, play and suite in the folders."""
    yield from arch_files(folders.archs, folders)
    for path in sorted(folders.playbooks.glob("*.y*ml")):
        if kind_of(path) is Kind.PLAY:
            yield play(path)
    for path in sorted(folders.suites.iterdir()) if folders.suites.is_dir() else ():
        if kind_of(path) is Kind.SUITE:
            yield suite(path)


def one(path: Path) -> Iterator[Checked]:
    """Yield what became of the file or folder, and of all that a lab file brings with it."""
    kind = kind_of(path)
    if kind is Kind.LAB:
        yield from lab(path)
    elif kind is Kind.ARCH:
        yield from arch_files(path, _around(path))
    elif kind is Kind.PLAY:
        yield play(path)
    elif kind is Kind.SUITE:
        yield suite(path)
    elif path.is_dir() and (inside := [p for p in sorted(path.iterdir()) if _is_known(p)]):
        for below in inside:
            yield from one(below)
    else:
        there = "there is no such file or folder" if not path.exists() else "nothing to check here"
        advice = "name a lab file (.toml), arch file or play (.yaml) or suite (folder with tests)"
        yield Checked(kind=kind, path=str(path), errors=(f"{path}: {there}; {advice}",))


def kind_of(path: Path) -> Kind:
    """Return what the file or folder is, by its name and, between play and arch, its first line."""
    if path.is_dir():
        return Kind.SUITE if any(path.glob("test_*.py")) else Kind.UNKNOWN
    if not path.is_file() or path.suffix not in {".toml", *_YAML}:
        return Kind.UNKNOWN
    if path.suffix == ".toml":
        return Kind.LAB
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith(("#", "---"))), "")
    return Kind.PLAY if first.startswith("- ") else Kind.ARCH


def lab(path: Path) -> Iterator[Checked]:
    """Yield what became of the lab file and, if it can be read, of its folders."""
    try:
        read = config.load(path)
    except ConfigError as error:
        yield Checked(kind=Kind.LAB, path=str(path), errors=(str(error),))
        return
    yield Checked(kind=Kind.LAB, path=str(path), errors=_unknown_archs(read))
    yield from everything(read.folders)


def _unknown_archs(lab: config.LabFile) -> tuple[str, ...]:
    """Return what is wrong with the archs that partners take, if the arch files can be read."""
    try:
        known = {arch.name for arch in archs.load([lab.folders.archs])}
    except ConfigError:
        return ()
    return tuple(strangers(lab.partners, sorted(known)))


def arch_files(path: Path, folders: config.Folders | None) -> Iterator[Checked]:
    """Yield what became of the arch file, or of those in the folder; names are unique over all."""
    plays, suites = (folders.playbooks, folders.suites) if folders else (None, None)
    good: list[Path] = []
    try:
        found = archs.files([path])
    except ConfigError as error:
        yield Checked(kind=Kind.ARCH, path=str(path), errors=(str(error),))
        return
    for file in found:
        try:
            archs.load([*good, file], playbooks=plays, suites=suites)
        except ConfigError as error:
            yield Checked(kind=Kind.ARCH, path=str(file), errors=(str(error),))
        else:
            good.append(file)
            yield Checked(kind=Kind.ARCH, path=str(file))


def play(path: Path) -> Checked:
    """Return what Ansible says of the play's syntax, its roles included."""
    command = [str(_ANSIBLE), "--syntax-check", "-i", "localhost,", path.name]
    code, said = _run(command, path.resolve().parent)
    if code == 0:
        return Checked(kind=Kind.PLAY, path=str(path))
    match = _ANSIBLE_ERROR.search(said)
    words = match[1].splitlines()[0] if match else _last(said)
    where = match[2] if match else f"{path}:1"
    sentence = f"{where}: {words.rstrip('.')}; mend the play"
    return Checked(kind=Kind.PLAY, path=str(path), errors=(sentence,))


def suite(path: Path) -> Checked:
    """Return what pytest says when it collects the suite; no test is run."""
    folder = path.resolve()
    code, said = _run([sys.executable, "-P", *_PYTEST, f"--rootdir={folder}", "."], folder)
    if code == 0:
        return Checked(kind=Kind.SUITE, path=str(path))
    if code == _NO_TESTS:
        errors = [f"{path}: no test in this suite; write one in a file test_*.py"]
    else:
        _, *parts = _COLLECTING.split(said)
        sections = list(zip(parts[::2], parts[1::2], strict=True)) or [("conftest.py", said)]
        errors = [_collection_error(folder, name, text) for name, text in sections]
    return Checked(kind=Kind.SUITE, path=str(path), errors=tuple(errors))


def _collection_error(folder: Path, name: str, text: str) -> str:
    frames = _SYNTAX_FRAME.findall(text) or [
        frame for frame in _FRAME.findall(text) if (folder / frame[0]).is_relative_to(folder)
    ]
    file, line = frames[-1] if frames else (name, 1)
    words = _SAID.findall(text) or [_last(text)]
    return f"{folder / file}:{line}: {words[-1].strip()}; mend the suite"


def _run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Return exit status and both outputs of a command that may not take long."""
    with tempfile.TemporaryDirectory(prefix="smoketest-check-") as scratch:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": scratch,
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return -1, f"{Path(command[0]).name} did not end within {DEADLINE:.0f} s"
        except OSError as error:
            return -1, f"{command[0]} cannot be run: {error.strerror}; see `smoketest doctor`"
    return done.returncode, done.stdout


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["it failed without a word"])[-1]


def _around(path: Path) -> config.Folders | None:
    """Return the folders that the arch file belongs to, if it is one of ours."""
    ours = config.builtin()
    return ours if path.resolve().parent == ours.archs.resolve() else None


def _is_known(path: Path) -> bool:
    return kind_of(path) is not Kind.UNKNOWN

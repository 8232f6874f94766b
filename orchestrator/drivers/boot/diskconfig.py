"""Looks over a disk layout for FAI's setup-storage: by its own parser where that is installed."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_SECONDS = 20.0
_COMPLAINT = re.compile(r"ERROR \(line (\d+)\): (.*?)(?=\s+ERROR \(line|\Z)", re.DOTALL)
_SIZE = r"(?:RAM:\d+%|\d+[kKMGTP%iB]*)"
_SIZES = re.compile(
    rf"(?:{_SIZE}(?:-{_SIZE}?)?|-{_SIZE})(?::resize|:preserve_(?:always|reinstall|lazy))?"
)
_MOUNT = re.compile(r"(?:-|swap|/[^\s:]*)(?::encrypt(?::randinit)?)?")
_OPTION = re.compile(
    r"(?:preserve_always|preserve_reinstall|preserve_lazy|resize|always_format):(?:all|[\d,]+)"
    r"|disklabel:(?:msdos|gpt|gpt-bios)|bootable:\d+|virtual|vg:\d+|sameas:\S+"
    r"|fstabkey:(?:device|label|uuid|partuuid|partlabel)|align-at:\d+[kKMGTPiB]*"
)
_SPECIAL = frozenset({"raid", "lvm", "cryptsetup", "btrfs", "tmpfs", "nfs", "end"})
_KINDS = frozenset({"primary", "logical", "raw-disk"})
_VOLUME = "is not `primary|logical|raw-disk MOUNTPOINT SIZE FILESYSTEM OPTIONS`"


def faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a disk layout, `LINE: sentence` each; nothing if it may be used."""
    parser = shutil.which("setup-storage") or shutil.which("setup-storage", path="/usr/sbin")
    return _by_fai(parser, text) if parser else by_grammar(text)


def _by_fai(parser: str, text: str) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="disk_config-") as folder:
        layout = Path(folder) / "disk_config"
        layout.write_text(text)
        command = [parser, "-s", "-f", str(layout), "-L", folder, "-D", "vda"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return (f"1: setup-storage did not end its syntax check in {_SECONDS:.0f} s",)
    if done.returncode == 0:
        return ()
    said = done.stdout + done.stderr
    found = _COMPLAINT.search(said)
    if found is None:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return (f"1: setup-storage refuses the layout: {last}",)
    return (f"{found[1]}: setup-storage refuses it: {' '.join(found[2].split())}",)


def by_grammar(text: str) -> tuple[str, ...]:
    """Return the same by the grammar of plain disks; special stanzas are left to FAI."""
    found = tuple(f"{number}: {fault}" for number, fault in _walk(text))
    if not found and not re.search(r"^disk_config\s", text, re.MULTILINE):
        return ("1: there is no disk_config line",)
    return found


def _walk(text: str) -> Iterator[tuple[int, str]]:
    stanza = ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "disk_config":
            stanza = words[1] if len(words) > 1 else ""
            fault = _header(words[1:])
        elif not stanza:
            fault = "comes before any disk_config line"
        else:
            fault = "" if stanza in _SPECIAL else _volume(words)
        if fault:
            yield number, fault


def _header(words: list[str]) -> str:
    if not words or _OPTION.fullmatch(words[0]):
        return "disk_config names no disk, such as disk1"
    if words[0] in _SPECIAL:
        return ""
    wrong = [word for word in words[1:] if not _OPTION.fullmatch(word)]
    return f"disk_config has the unknown option {wrong[0]!r}" if wrong else ""


def _volume(words: list[str]) -> str:
    if len(words) < 5 or words[0] not in _KINDS:
        return _VOLUME
    if not _MOUNT.fullmatch(words[1]):
        return f"{words[1]!r} is no mount point: a path, swap or -"
    if not _SIZES.fullmatch(words[2]):
        return f"{words[2]!r} is no size such as 900-, 4G or 10-20%"
    return ""

"""What a simulated machine is made of, as its installed system sees it: files like the kernel's.

They are in the machine's folder and no install touches them: who changes one has opened the case.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.lab.labdir import NodeDir

#: in the environment of what runs on a simulated machine: what stands before `/sys` and `/proc`
ROOT: Final = "MACHINE_ROOT"
_SECTORS_OF_64_GIB: Final = 64 << 21
_DISK: Final = "sys/block/vda"
_CARDS: Final = ("sys/class/net/eth0", "sys/class/net/eth1")


def build(folder: NodeDir, mac: str) -> None:
    """Write what is not there yet; the first card always has the MAC that the machine boots from.

    The second card's differs in the fourth byte's highest bit.
    """
    for name, text in _parts(folder.name).items():
        path = folder.hardware / name
        if not path.exists():
            _write(path, text)
    first, second = (folder.hardware / card / "address" for card in _CARDS)
    _write(first, mac)
    _write(second, _other(mac))


def _parts(name: str) -> Mapping[str, str]:
    cards = {
        f"{card}/{file}": text
        for card in _CARDS
        for file, text in (("carrier", "1"), ("device/vendor", "0x1af4"))
    }
    return cards | {
        f"{_DISK}/size": str(_SECTORS_OF_64_GIB),
        f"{_DISK}/device/model": "LAB SIMULATED DISK",
        f"{_DISK}/serial": f"lab-{name}",
        "sys/class/dmi/id/bios_vendor": "Lab",
        "sys/class/dmi/id/bios_version": "1.0",
        "sys/class/dmi/id/bios_date": "01/01/2026",
        "proc/sys/kernel/osrelease": "6.1.0-amd64",
    }


def _other(mac: str) -> str:
    parts = mac.split(":")
    parts[3] = f"{int(parts[3], 16) ^ 0x80:02x}"
    return ":".join(parts)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")

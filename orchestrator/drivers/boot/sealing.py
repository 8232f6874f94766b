"""What turns an installed system into a golden image: the parts that make a copy its own machine.

Run as root on the installed system, once. The package list stays as the installer left it.
"""

from pathlib import Path

_PARTS = Path(__file__).parent / "seal"
#: part, where it goes, its permission bits
_PLACES = (
    ("smoketest-home", "/usr/local/sbin/smoketest-home", 0o755),
    ("smoketest-home.service", "/etc/systemd/system/smoketest-home.service", 0o644),
    ("hook", "/etc/initramfs-tools/hooks/smoketest", 0o755),
    ("premount", "/etc/initramfs-tools/scripts/local-top/smoketest", 0o755),
)
_PREPARE = """
systemctl enable -q smoketest-home.service
update-initramfs -u
"""
_FORGET = """
set -e
rm -f /etc/ssh/ssh_host_* ~root/.ssh/authorized_keys /var/lib/dhcp/*
: >/etc/machine-id
apt-get clean
find /var/log -type f -exec truncate -s 0 {} +
command -v fstrim >/dev/null && fstrim / || true
sync
"""
_END = "SMOKETEST_PART_ENDS"


def forget() -> str:
    """Return the shell script that removes what is one machine's own; nobody logs in after it."""
    return _FORGET


def script() -> str:
    """Return the shell script that lays the parts down, and makes them part of the boot."""
    parts = []
    for name, place, mode in _PLACES:
        text = (_PARTS / name).read_text()
        folder = place.rpartition("/")[0]
        parts.append(f"mkdir -p {folder}\ncat >{place} <<'{_END}'\n{text}{_END}\n")
        parts.append(f"chmod {mode:o} {place}\n")
    return "set -e\n" + "".join(parts) + _PREPARE

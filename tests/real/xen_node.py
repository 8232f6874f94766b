"""A stand-alone emulated node that Xen can be put on: a disk built here, and QEMU to boot it.

The disk holds a Debian 12 that boots plain Linux, with Xen's packages installed but not in use.
"""

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.node import Access

LOOPBACK = "127.0.0.1"
#: Debian packages of this machine, by the program that the test needs
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh-keygen": "openssh-client",
}
_PACKAGES = (
    *("linux-image-amd64", "initramfs-tools", "grub-pc-bin", "grub2-common", "systemd-sysv"),
    *("udev", "kmod", "iproute2", "iputils-ping", "ifupdown", "isc-dhcp-client", "netbase"),
    *("procps", "openssh-server", "python3", "ca-certificates", "xen-system-amd64"),
    *("busybox-static", "cpio", "tgt", "open-iscsi"),
)
_UUID = "6d1f6f0e-5c1c-4a8e-9d0e-3c5b1a7e2f40"
_MIB = 3072
_SECTORS = 2048  # before the file system
_BUILD_SECONDS = 900
_BOOT_SECONDS = 600.0
_ARGUMENTS = "net.ifnames=0 console=ttyS0,115200"
_GRUB_MODULES = "biosdisk part_msdos ext2 normal linux multiboot2 serial terminal search"
#: shell, `$1` being the new root
_BEFORE = r"""
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=gzip\n' > "$1/etc/initramfs-tools/conf.d/node"
"""
_AFTER = r"""
set -e
cd "$1"
printf '%s\n' virtio_pci virtio_blk virtio_net ext4 > etc/initramfs-tools/modules
chroot . update-initramfs -u -k all
echo node > etc/hostname
echo '127.0.0.1 localhost node' > etc/hosts
printf 'auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n' > etc/network/interfaces
echo 'UUID={uuid} / ext4 rw,noatime 0 1' > etc/fstab
install -D -m 600 '{folder}/key.pub' root/.ssh/authorized_keys
cp etc/ssh/ssh_host_ed25519_key.pub '{folder}/'
echo 'GRUB_CMDLINE_LINUX="{arguments}"' > etc/default/grub
mkdir -p boot/grub/i386-pc
cp usr/lib/grub/i386-pc/*.mod usr/lib/grub/i386-pc/*.lst boot/grub/i386-pc/
cp usr/lib/grub/i386-pc/boot.img '{folder}/'
chroot . grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /core.img {modules}
mv core.img '{folder}/'
printf '%s\n' \
    "linux /$(echo boot/vmlinuz-*) root=UUID={uuid} ro {arguments}" \
    "initrd /$(echo boot/initrd.img-*)" boot > boot/grub/grub.cfg
"""


def missing() -> tuple[str, ...]:
    """Return the Debian packages that this machine lacks for all that."""
    return tuple(name for program, name in PROGRAMS.items() if not shutil.which(program))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node's disk, key and console, in a folder of its own."""

    folder: Path
    port: int

    @property
    def key(self) -> Path:
        """The private key that lets us in."""
        return self.folder / "key"

    @property
    def console(self) -> str:
        """All that its serial port said so far."""
        return (self.folder / "console.log").read_text(errors="replace")

    def access(self) -> Access:
        """Return how to log in."""
        words = (self.folder / "ssh_host_ed25519_key.pub").read_text().split()
        return Access(address=LOOPBACK, port=self.port, user="root", host_key=" ".join(words[:2]))


def build(folder: Path) -> Node:
    """Build a node's disk from Debian's archive, as root; takes a minute and half a gigabyte."""
    folder.mkdir(parents=True)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
    root, raw = folder / "root", folder / "disk.raw"
    after = _AFTER.format(uuid=_UUID, folder=folder, arguments=_ARGUMENTS, modules=_GRUB_MODULES)
    _run(
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        *('--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io"),
        *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"),
        *(f"--include={','.join(_PACKAGES)}", f"--essential-hook={_BEFORE}"),
        *(f"--customize-hook={after}", "bookworm", str(root)),
    )
    with raw.open("wb") as file:
        file.truncate(_MIB << 20)
    _run(
        *("mke2fs", "-q", "-t", "ext4", "-U", _UUID, "-O", "^metadata_csum,^64bit"),
        *("-E", f"offset={_SECTORS * 512}", "-d", str(root), str(raw), f"{_MIB - 1}M"),
    )
    shutil.rmtree(root)
    _make_bootable(raw, folder)
    return Node(folder=folder, port=_free_port())


def _run(*argv: str) -> None:
    done = subprocess.run(argv, timeout=_BUILD_SECONDS, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"{argv[0]} failed: {done.stderr[-2000:]}"
        raise RuntimeError(msg)


def _make_bootable(raw: Path, folder: Path) -> None:
    """Write GRUB's two stages before the file system, and the table that names it."""
    boot = bytearray((folder / "boot.img").read_bytes())
    core = bytearray((folder / "core.img").read_bytes())
    core += bytes(-len(core) % 512)
    # The first stage reads sector 1, which reads all others.
    struct.pack_into("<Q", boot, 0x5C, 1)
    struct.pack_into("<QH", core, 500, 2, len(core) // 512 - 1)
    ends = b"\xfe\xff\xff"
    size = (_MIB << 11) - _SECTORS
    entry = struct.pack("<B3sB3sII", 0x80, ends, 0x83, ends, _SECTORS, size)
    boot[440:] = b"node\0\0" + entry + bytes(48) + b"\x55\xaa"
    with raw.open("r+b") as file:
        file.write(boot + core)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


@contextmanager
def power(node: Node) -> Iterator[None]:
    """Have the node run, its SSH answer, its second card be plugged into nothing.

    What it writes to its disk is forgotten.
    """
    disk = f"if=none,id=d0,file={node.folder}/disk.raw,format=raw,cache=unsafe,snapshot=on"
    argv = [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off"),
        *("-smp", "2", "-m", "1024", "-M", "q35", "-display", "none", "-nodefaults"),
        *("-drive", disk, "-device", "virtio-blk-pci,drive=d0", "-device", "virtio-rng-pci"),
        *("-netdev", f"user,id=n0,hostfwd=tcp:{LOOPBACK}:{node.port}-:22"),
        *("-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:07:01,romfile="),
        *("-netdev", "hubport,id=n1,hubid=1"),
        *("-device", "virtio-net-pci,netdev=n1,mac=52:54:01:00:07:01,romfile="),
        *("-serial", f"file:{node.folder}/console.log"),
    ]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as qemu:
        try:
            _wait(node, qemu)
            yield
        finally:
            qemu.kill()


def _wait(node: Node, qemu: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < give_up and qemu.poll() is None:
        with suppress(OSError), socket.create_connection((LOOPBACK, node.port), 5) as there:
            there.settimeout(5)
            if there.recv(4) == b"SSH-":
                return
        time.sleep(1)
    msg = f"the node does not answer; its console ends with {node.console[-400:]!r}"
    raise TimeoutError(msg)

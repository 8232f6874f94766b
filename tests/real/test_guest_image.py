"""The tiny guest, built from Debian packages, booted and logged into, as Tempest does."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.lab.guest import build

TOOLS = ("qemu-system-x86_64", "genisoimage", "apt-get", "cpio", "ssh", "ssh-keygen")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]
pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}")]
USER_DATA = "#!/bin/sh\necho hello > /run/hello\n"


@dataclass(frozen=True, kw_only=True)
class Booted:
    """A guest that said that it is ready."""

    console: str
    folder: Path
    port: int

    def ssh(self, command: str) -> str:
        """Return what a command in the guest prints; it must succeed."""
        loose = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        options = [word for option in loose for word in ("-o", option)]
        key = ("-i", str(self.folder / "key"), "-p", str(self.port))
        argv = ["ssh", "-F", "/dev/null", *options, *key, "root@127.0.0.1", command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> build.Guest:
    folder = tmp_path_factory.mktemp("guest")
    made = build.ready(folder)
    assert build.ready(folder) == made, "it is built once"
    return made


@pytest.fixture(scope="module")
def booted(guest: build.Guest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    folder = tmp_path_factory.mktemp("booted")
    drive = _config_drive(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    console = folder / "console.log"
    argv = [
        *("qemu-system-x86_64", "-m", "128", "-display", "none", "-no-reboot"),
        *("-kernel", guest.kernel, "-initrd", guest.initrd, "-append", guest.command_line),
        *("-drive", f"file={guest.disk},format=raw,if=virtio,snapshot=on"),
        *("-cdrom", str(drive), "-serial", f"file:{console}"),
        *("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=n"),
    ]
    with subprocess.Popen(argv) as process:
        try:
            yield Booted(console=_ready(console, process), folder=folder, port=port)
        finally:
            process.kill()


def _config_drive(folder: Path) -> Path:
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", key], check=True)
    latest = folder / "drive" / "openstack" / "latest"
    latest.mkdir(parents=True)
    public = (folder / "key.pub").read_text()
    meta = {"uuid": "x", "hostname": "tiny-1.novalocal", "public_keys": {"mine": public}}
    (latest / "meta_data.json").write_text(json.dumps(meta))
    (latest / "user_data").write_text(USER_DATA)
    drive = folder / "drive.iso"
    make = ["genisoimage", "-quiet", "-J", "-r", "-V", "config-2", "-o", drive, folder / "drive"]
    subprocess.run(make, check=True)
    return drive


def _ready(console: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + 600
    while time.monotonic() < end and process.poll() is None:
        said = console.read_text(errors="replace") if console.exists() else ""
        if "SMOKE READY" in said:
            return said
        time.sleep(0.5)
    raise AssertionError(f"it did not come up: {said[-2000:]}")


def test_the_console_tells_how_it_came_up(booted: Booted) -> None:
    said = [line for line in booted.console.splitlines() if line.startswith("SMOKE ")]
    words = [line.split()[1] for line in said]
    assert words == ["BOOTED", "DHCP", "CONFIG-DRIVE", "READY"]
    assert said[1].split()[2:] == ["eth0", "10.0.2.15/24"]
    assert said[2].split()[2:] == ["/dev/sr0", "tiny-1"]


def test_it_has_the_tools_that_tempest_calls(booted: Booted) -> None:
    assert booted.ssh("hostname").strip() == "tiny-1"
    assert booted.ssh("cat /run/hello").strip() == "hello"
    assert booted.ssh("sudo -n id -u").strip() == "0"
    assert booted.ssh("blkid -L config-2").strip() == "/dev/sr0"
    assert "config-2" in booted.ssh("blkid | grep -i config-2")
    meta = "sudo mount /dev/sr0 /mnt && cat /mnt/openstack/latest/meta_data.json && umount /mnt"
    assert json.loads(booted.ssh(meta))["hostname"] == "tiny-1.novalocal"
    disks = booted.ssh("lsblk -lb --nodeps").splitlines()
    assert [line.split()[3] for line in disks if line.startswith("vda")] == ["1048576"]
    assert booted.ssh("ip -o link show eth0").count("eth0") == 1
    serve = "mkdir -p /run/w; echo there > /run/w/x; httpd -p 127.0.0.1:80 -h /run/w"
    assert booted.ssh(f"{serve}; sleep 1; curl http://127.0.0.1/x").strip() == "there"
    assert booted.ssh("ping -c 1 127.0.0.1 | grep -c ttl=").strip() == "1"

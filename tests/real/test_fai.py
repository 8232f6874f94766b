"""FAI for real: an emulated machine boots it over the network, is installed, and answers on SSH.

No root on the server, no NFS: our initial RAM disk is FAI's root. Builds it once (two minutes).
"""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.boot import configspace
from orchestrator.drivers.boot.fai import FaiMethod
from orchestrator.drivers.boot.method import Rendered
from orchestrator.lab.qemu.fairoot import FaiRoot, prepare
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret
from tests.contract.rig import free_ports
from tests.real import fai_node
from tests.real.fai_node import Machine, Server

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        bool(fai_node.missing()),
        reason=f"packages are missing: apt install {' '.join(fai_node.missing())}",
    ),
]

MAC = "52:54:00:00:fa:01"
MIRROR = os.environ.get("SMOKETEST_MIRROR", "http://deb.debian.org/debian")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "smoketest"
INSTALL_SECONDS = 1200.0
BOOT_SECONDS = 300.0


@pytest.fixture(scope="module")
def root() -> FaiRoot:
    return prepare(CACHE, mirror=MIRROR, say=print, seconds=1200)


class Bench:
    """A boot server that offers FAI to one machine."""

    def __init__(self, root: FaiRoot, folder: Path) -> None:
        self.folder = folder
        self.server = Server()
        self.machine = Machine(folder, MAC, self.server, free_ports(1)[0])
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")]
        subprocess.run(keygen, check=True, timeout=60)
        self.config = configspace.kept(folder)
        self.rendered = self._render(root)
        self.server.files = {
            "linux": root.kernel,
            "initrd.gz": root.initrd,
            "files/config.tar": self.config,
            "files/base.tar.zst": root.base,
        }
        self.server.texts = {"authorized_keys": (folder / "key.pub").read_text()}
        self.offer(self.rendered)

    def offer(self, rendered: Rendered) -> None:
        self.server.texts |= {"ipxe": rendered.script, "answers": rendered.answers}

    def close(self) -> None:
        self.machine.power_off()
        self.server.close()

    def _render(self, root: FaiRoot) -> Rendered:
        bmc = Bmc(address="127.0.0.1", port=1, user="none", password=Secret("none"))
        node = Node(
            name="fai-1",
            mac=MAC,
            bmc=bmc,
            provenance=Provenance.EMULATED,
            capabilities=frozenset(),
            address="127.0.0.1",
        )
        extras = {"config.tar": self.config, "base.tar.zst": root.base}
        image = Image(
            name="bookworm-fai",
            suite="bookworm",
            kernel=str(root.kernel),
            initrd=str(root.initrd),
            mirror_host="10.0.2.2:1",
            mirror_directory="/debian",
            method="fai",
            extras=tuple((name, str(path)) for name, path in extras.items()),
            partitions="root-and-srv",
        )
        url = f"{self.server.url}/boot/{secrets.token_urlsafe(24)}"
        return FaiMethod().render(node, image, AttemptId("real.fai.1"), url)


@pytest.fixture
def bench(root: FaiRoot, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(root, tmp_path)
    yield bench
    bench.close()


def test_fai_installs_a_machine_that_then_runs_from_its_disk(bench: Bench) -> None:
    machine, server = bench.machine, bench.server
    began = time.monotonic()
    machine.power_on(network=True)
    assert machine.wait_until("FATAL ERROR", INSTALL_SECONDS), machine.said()[-2000:]
    assert server.host_key.startswith("ssh-ed25519 ")
    installed = time.monotonic() - began
    machine.power_on(network=False)
    facts = (
        "hostname; findmnt -no SOURCE,FSTYPE /; findmnt -no SOURCE /srv;"
        " head -1 /var/log/fai/localhost/last/FAI_CLASSES; cat /var/log/fai/localhost/last/fai.log"
    )
    said = bench_ssh(bench, facts)
    lines = said.splitlines()
    assert lines[:4] == ["fai-1", "/dev/vda1 ext4", "/dev/vda2", "DEFAULT"]
    assert "Fully Automatic Installation" in said
    assert "Executing: mkfs.ext4" in said
    _print(server, machine, began, installed, time.monotonic() - began)


def bench_ssh(bench: Bench, command: str) -> str:
    """Return what the installed machine prints: as the key that it called home with, to ours."""
    port, key = bench.machine.ssh_port, bench.server.host_key
    return fai_node.ssh(bench.folder, port, key, command, BOOT_SECONDS)


def _print(server: Server, machine: Machine, began: float, installed: float, ssh: float) -> None:
    fetched = {f"asked for {name}": at - began for name, at in server.asked.items()}
    ends = {"reset": installed, "SSH": ssh}
    for what, seconds in sorted({**fetched, **machine.shown, **ends}.items(), key=lambda kv: kv[1]):
        print(f"{seconds:8.1f} s  {what}")


def _breaks(bench: Bench, sentence: str) -> str:
    """Boot, wait until FAI stops, and return its console; nothing called home."""
    bench.machine.power_on(network=True)
    ended = bench.machine.wait_until(sentence, INSTALL_SECONDS)
    assert not ended, "it rebooted instead of saying what is wrong"
    assert not bench.server.host_key
    return bench.machine.said()


def test_a_disk_that_is_too_small_stops_the_install(bench: Bench) -> None:
    answers = bench.rendered.answers.replace("primary / 900-4000", "primary / 900G-")
    bench.offer(replace(bench.rendered, answers=answers))
    said = _breaks(bench, "FATAL ERROR. Installation stopped.")
    assert "Error in task partition. Code: 710" in said


def test_a_config_space_that_is_not_served_stops_the_install(bench: Bench) -> None:
    del bench.server.files["files/config.tar"]
    said = _breaks(bench, "Problems accessing the config space.")
    assert "The requested URL returned error: 404" in said

"""libvirt: the driver over virsh itself and libvirt's own test driver, which keeps no state."""

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.hypervisor.virsh import VirshHypervisor
from orchestrator.model.errors import InfraError
from orchestrator.model.hypervisor import Login, Stray, StrayKind
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

pytestmark = pytest.mark.skipif(
    not shutil.which("virsh"), reason="apt-get install libvirt-clients libvirt-daemon"
)
LOGIN = Login(
    address="127.0.0.1", port=22, user="root", password=Secret(""), certificate="", node="n01"
)
NODE = """\
<node>
  <domain type="test"><name>left</name><memory>8192</memory><os><type>hvm</type></os></domain>
  <network><name>vlan100</name><bridge name="virbr9"/></network>
</node>
"""


def here(_login: Login, command: str, deadline: Deadline) -> str:
    """Run it on this machine."""
    done = subprocess.run(
        ("sh", "-c", command), capture_output=True, text=True, timeout=deadline.left(), check=False
    )
    if done.returncode:
        raise InfraError(done.stderr)
    return done.stdout


def soon() -> Deadline:
    return Deadline(SystemClock(), 60)


def test_what_answers_is_told() -> None:
    about = VirshHypervisor(here, "test:///default").about(LOGIN, soon())
    assert (about.product, about.version) == ("TEST", "0.0.2")
    assert about.capabilities == ("test",)


def test_what_a_branch_left_is_found(tmp_path: Path) -> None:
    file = tmp_path / "node.xml"
    file.write_text(NODE)
    found = VirshHypervisor(here, f"test://{file}").strays(LOGIN, soon())
    assert [(stray.kind, stray.name) for stray in found] == [
        (StrayKind.GUEST, "left"),
        (StrayKind.NETWORK, "vlan100"),
    ]


def test_what_is_gone_already_is_no_fault_and_what_stays_is_one() -> None:
    libvirt = VirshHypervisor(here, "test:///default")
    libvirt.remove(LOGIN, Stray(kind=StrayKind.GUEST, name="gone", ref="gone"), soon())
    # The test driver forgets with its connection that anything was removed.
    with pytest.raises(InfraError, match="n01 did not remove guest test"):
        libvirt.remove(LOGIN, Stray(kind=StrayKind.GUEST, name="test", ref="test"), soon())


def test_a_libvirt_that_does_not_answer_says_so() -> None:
    with pytest.raises(InfraError, match="failed to connect"):
        VirshHypervisor(here, "qemu+unix:///system?socket=/nowhere").about(LOGIN, soon())

"""docs/dnsmasq.conf: dnsmasq takes it, in both variants, and it names what we serve."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.web import boot
from tests.real import rack
from tests.real.rack import Dhcp

PROGRAM = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")


@pytest.mark.skipif(PROGRAM is None, reason="type: apt-get install dnsmasq-base")
@pytest.mark.parametrize("dhcp", list(Dhcp), ids=lambda dhcp: dhcp.name)
def test_dnsmasq_takes_the_file(tmp_path: Path, dhcp: Dhcp) -> None:
    path = tmp_path / "dnsmasq.conf"
    path.write_text(rack.configuration(tmp_path, dhcp))
    done = subprocess.run(
        [str(PROGRAM), "--test", f"--conf-file={path}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "dnsmasq: syntax check OK.")
    ranges = re.findall(r"^dhcp-range=(.+)$", path.read_text(), re.MULTILINE)
    assert [("proxy" in found, "static" in found) for found in ranges] == [
        (dhcp is Dhcp.PROXY, dhcp is Dhcp.FULL)
    ]


def test_the_addresses_that_it_gives_are_served() -> None:
    text = rack.CONFIGURATION.read_text()
    paths = {route.path for route in boot.routes.routes}  # type: ignore[attr-defined]
    named = set(re.findall(rf"http://{rack.ADDRESS}:{rack.PORT}(/[^,\s]+)", text))
    assert named == {"/boot/first.ipxe", "/boot/ipxe.efi"}
    assert named <= paths

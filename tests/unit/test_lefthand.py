"""The simulated LeftHand array: by a stock SSH client, by the sample product, with real iSCSI."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

import paramiko
import pytest

from orchestrator.cli.app import app
from orchestrator.cli.outcome import carry_out
from orchestrator.lab.addresses import LEFTHAND_PORT
from orchestrator.lab.lefthand import CLUSTER, Array
from orchestrator.lab.lefthand_shell import PASSWORD, USER
from orchestrator.lab.lefthand_target import installed
from orchestrator.lab.sample import make

PRODUCT = Path(make.__file__).with_name("product-tree")


def ask(array: Array, line: str) -> Xml.Element:
    response = Xml.fromstring(array.run(f"{line} output=XML")).find("response")  # noqa: S314
    assert response is not None
    return response


def test_a_volume_lives_as_drivers_want_it_to() -> None:
    array = Array(None)
    made = ask(array, f"createVolume volumeName=v1 clusterName={CLUSTER} size=2GB thinProvision=1")
    assert (made.get("result"), made.get("name")) == ("0", "CliqSuccess")
    ask(array, "createServer serverName=n1 initiator=iqn.x:n1")
    ask(array, "assignVolumeToServer volumeName=v1 serverName=n1")
    ask(array, "createSnapshot volumeName=v1 snapshotName=s1")
    volume = ask(array, "getVolumeInfo volumeName=v1").find("volume")
    assert volume is not None
    assert volume.attrib["size"] == str(2 << 30)
    assert volume.attrib["thinProvision"] == "true"
    permission = volume.find("permission")
    assert permission is not None
    assert (permission.get("iqn"), permission.get("iscsiEnabled")) == ("iqn.x:n1", "false")
    assert ask(array, "deleteVolume volumeName=v1 prompt=false").get("result") != "0"
    ask(array, "unassignVolumeToServer volumeName=v1 serverName=n1")
    assert ask(array, "deleteVolume volumeName=v1 prompt=false").get("result") == "0"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("getVolumeInfo volumeName=none", "CliqVolumeNotFound"),
        ("getVolumeInfo", "CliqMissingParameter"),
        ("createVolume volumeName=v size=lots", "CliqInvalidSize"),
        ("createVolume volumeName=v size=1GB clusterName=other", "CliqClusterNotFound"),
        ("assignVolumeToServer volumeName=old serverName=none", "CliqServerNotFound"),
        ("createVolume volumeName=old size=1GB", "CliqVolumeExists"),
        ("deleteSnapshot snapshotName=none", "CliqSnapshotNotFound"),
        ("formatEverything", "CliqUnknownMethod"),
        ("getVolumeInfo volumeName='old", "CliqBadSyntax"),
    ],
)
def test_what_is_wrong_is_named_with_a_code(line: str, name: str) -> None:
    array = Array(None)
    ask(array, "createVolume volumeName=old size=1GB")
    answer = ask(array, line)
    assert answer.get("name") == name
    assert answer.get("result") != "0"


@dataclass(frozen=True)
class Running:
    """An array on an address of its own."""

    address: str

    def settings(self) -> dict[str, str]:
        return {
            "address": self.address,
            "port": str(LEFTHAND_PORT),
            "user": USER,
            "password": PASSWORD,
            "cluster": CLUSTER,
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("array")
    address = _free()
    command = [sys.executable, "-m", "orchestrator.lab.lefthand_shell", str(folder), address]
    process = subprocess.Popen(command)
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((address, LEFTHAND_PORT), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
    yield Running(address)
    process.kill()
    process.wait()


def _free() -> str:
    for number in range(1, 200):
        address = f"127.198.4.{number}"
        with socket.socket() as probe:
            try:
                probe.bind((address, LEFTHAND_PORT))
            except OSError:
                continue
            return address
    raise AssertionError("127.198.4.0/24 is full")


def test_a_stock_ssh_client_is_answered_in_xml(running: Running) -> None:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507  # loopback
    login = {"username": USER, "look_for_keys": False, "allow_agent": False}
    with pytest.raises(paramiko.AuthenticationException):
        client.connect(running.address, LEFTHAND_PORT, password="wrong", **login)
    client.connect(running.address, LEFTHAND_PORT, password=PASSWORD, **login)
    _, out, _ = client.exec_command(f"getClusterInfo clusterName={CLUSTER} output=XML")
    said = out.read().decode()
    client.close()
    assert Xml.fromstring(said).find("response/cluster/vip") is not None  # noqa: S314


SCRIPT = """
import json, sys
from pathlib import Path
from stratus import iscsi
from stratus.lefthand import LeftHand
from stratus.web import Refused
array, folder, outcome = json.loads(sys.argv[1]), Path(sys.argv[2]), {}
lefthand = LeftHand(array, folder)
lefthand.create("v1", 1)
lefthand.attach("v1", "n01")
found = lefthand._run("getVolumeInfo volumeName=volume-v1").find("volume")
outcome["enabled"] = found.find("permission").attrib["iscsiEnabled"]
if outcome["enabled"] == "true":
    for who in ("iqn.2010-10.org.stratus:n01", "iqn.evil"):
        try:
            iscsi.log_in(lefthand._portal(), who, found.attrib["iscsiIqn"])
            outcome[who] = "in"
        except Refused as refused:
            outcome[who] = str(refused)
lefthand.detach("v1", "n01")
lefthand.delete("v1")
try:
    lefthand.delete("v1")
except Refused as refused:
    outcome["twice"] = str(refused)
print(json.dumps(outcome))
"""


def test_the_sample_product_speaks_to_it_and_logs_in_to_real_iscsi(
    running: Running, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(running.settings()), str(tmp_path)],
        cwd=PRODUCT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert "not found" in outcome["twice"]
    assert outcome["enabled"] == str(installed()).lower()
    if installed():
        assert outcome["iqn.2010-10.org.stratus:n01"] == "in"
        assert "does not let iqn.evil in" in outcome["iqn.evil"]


def test_drift_names_what_only_one_side_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "01-create.txt"
    line = "createVolume volumeName=v size=1GB output=XML"
    record.write_text(f"{line}\n{Array(None).run(line)}")
    assert carry_out(app, ["lab", "drift", str(tmp_path)]) == 0
    assert "same" in capsys.readouterr().out
    (tmp_path / "02-info.txt").write_text(
        "getVolumeInfo volumeName=v output=XML\n"
        '<gauche version="1.0"><response description="ok" name="CliqSuccess" processingTime="1"'
        ' result="0" node="a1"><volume name="v"/></response></gauche>'
    )
    assert carry_out(app, ["lab", "drift", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    differences = told["answers"][1]["differences"]
    assert "gauche/response@node: only the device says it" in differences
    assert "gauche/response/volume@size: only the simulator says it" in differences


@pytest.mark.parametrize("text", [None, "getVolumeInfo\nno xml", '<!DOCTYPE x [<!ENTITY a "b">]>'])
def test_what_is_no_recording_is_refused(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if text:
        (tmp_path / "01.txt").write_text(f"getVolumeInfo\n{text}")
    assert carry_out(app, ["lab", "drift", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err

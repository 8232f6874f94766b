"""The power law against OpenIPMI's `ipmi_sim`: a BMC that we did not write."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.model.node import BootDevice
from orchestrator.ports.attest import Inspects
from tests.contract import rig as rigs
from tests.contract.power_law import PowerLaw, within
from tests.contract.rig import Device, Rig

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not shutil.which("ipmi_sim"), reason="ipmi_sim is not installed: apt install openipmi"
    ),
]

LAN = """
name "contract"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{folder}/chassis"
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
COMMANDS = """
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""
#: what ipmi_sim asks to act on the machine: `get power boot`, or `set power 1 boot pxe`
CHASSIS = """#!/bin/sh
cd {folder}
verb=$1
shift
if [ "$verb" = get ]; then
  for what in "$@"; do
    case $what-$(cat $what) in
      power-on) echo power:1 ;;
      power-off) echo power:0 ;;
      boot-network) echo boot:pxe ;;
      boot-disk) echo boot:default ;;
      boot-*) echo boot:none ;;
    esac
  done
  exit 0
fi
while [ $# -gt 1 ]; do
  case $1-$2 in
    power-1) value=on ;;
    power-0) value=off ;;
    boot-pxe) value=network ;;
    boot-default) value=disk ;;
    *) value=$2 ;;
  esac
  echo "$1 $value" >>commands
  [ -e fault ] || {{ echo $value >$1.new; mv $1.new $1; }}
  shift 2
done
"""


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("openipmi")
    device = Device(folder, rigs.free_ports(1)[0])
    facts = {
        "folder": folder,
        "port": device.port,
        "user": device.user,
        "password": device.password,
    }
    device.file("lan.conf").write_text(LAN.format(**facts))
    device.file("bmc.emu").write_text(COMMANDS)
    device.file("chassis").write_text(CHASSIS.format(**facts))
    device.file("chassis").chmod(0o755)
    device.file("power").write_text("off")
    device.file("boot").write_text("none")
    device.forget()
    device.file("state").mkdir()
    with device.file("log").open("wb") as log:
        process = subprocess.Popen(
            ["ipmi_sim", "-c", "lan.conf", "-f", "bmc.emu", "-s", "state", "-n"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    device.file("pid").write_text(str(process.pid))
    yield device
    process.kill()
    process.wait()


class TestOpenIpmi(PowerLaw):
    @pytest.fixture(scope="class")
    def rig(self, device: Device) -> Iterator[Rig]:
        children = WarmChildren()
        yield Rig(IpmiPower(children, gap=0, settle=1), device, "ipmi")
        children.close()

    def test_setting_the_boot_device_twice_sends_one_command(self, rig: Rig) -> None:
        """It never calls its flags valid, so it is told again, which changes nothing."""
        for _ in range(2):
            rig.power.boot_next(rig.device.node(), BootDevice.NETWORK, within(10))
        assert rig.device.commands() == ["boot network"] * 2
        assert rig.device.boots_from() == "network"

    def test_its_users_and_its_firmware_are_told(self, rig: Rig) -> None:
        power, node = rig.power, rig.device.node()
        assert isinstance(power, Inspects)
        told = dict(power.inspect(node, within(20)).facts)
        assert told["bmc-users"] == f"2 {rig.device.user} administrator"
        assert told["bmc-firmware"].startswith("9.08 ")
        assert power.inspect(node, within(20)) == power.inspect(node, within(20))

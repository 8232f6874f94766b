"""What machines' data cards hang on: the lab file's switches, and the emulated lab's own."""

from collections.abc import Mapping
from itertools import count

from orchestrator.config.switches import NETCONF, SwitchFile
from orchestrator.drivers.shell.ssh import SshShell
from orchestrator.drivers.switch.folder import FolderSwitch
from orchestrator.drivers.switch.lines import Lines, LineSwitch
from orchestrator.drivers.switch.netconf import NetconfSwitch
from orchestrator.lab.qemu.segment import SEGMENTS
from orchestrator.model.node import Access, Node
from orchestrator.ports.switch import Switch
from orchestrator.wiring.lab import LabParts


def switches(lab: LabParts) -> Mapping[str, Switch]:
    """Return every switch of the lab by name."""
    found = {name: _switch(file, lab.nodes) for name, file in lab.switches.items()}
    return found | ({SEGMENTS: FolderSwitch(lab.plugs)} if lab.plugs else {})


def _switch(file: SwitchFile, nodes: Mapping[str, Node]) -> Switch:
    plugs = (node.switch for node in nodes.values() if node.switch)
    ports = [plug.port for plug in plugs if plug.switch == file.name]
    vlans = dict(zip(ports, count(file.vlans[0])))
    access = Access(address=file.address, port=file.port, user=file.user, host_key=file.host_key)
    if file.speaks == NETCONF:
        return NetconfSwitch(name=file.name, access=access, key=file.key, vlans=vlans)
    return LineSwitch(
        name=file.name,
        shell=SshShell(),
        access=access,
        key=file.key,
        lines=Lines(join=file.join, show=file.show, expect=file.expect),
        vlans=vlans,
    )

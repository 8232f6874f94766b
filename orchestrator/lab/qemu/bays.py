"""The bays of an emulated lab's machines, behind the port that disks are laid through."""

import time
from pathlib import Path

from orchestrator.lab.box import Box
from orchestrator.lab.qemu import bay
from orchestrator.lab.qemu.bay import Bay, Content
from orchestrator.lab.qemu.template import fits
from orchestrator.lab.shape import data_mac
from orchestrator.model.node import Node


class BoxBays:
    """Lays disks into the machines of a running lab."""

    def __init__(self, box: Box) -> None:
        """Work on the machines of `box`."""
        self._box = box

    def blank(self, node: Node) -> None:
        """Give the node an empty disk."""
        bay.lay(self._box.node_dir(node.name), Bay())

    def overlay(self, node: Node, golden: str) -> None:
        """Give the node a disk that begins as the golden image."""
        bay.lay(self._box.node_dir(node.name), Bay(content=Content.OVERLAY, golden=golden))

    def clone(self, node: Node, golden: str, home: str) -> bool:
        """Have the node wake up as a copy of the image's template, if there is one of its shape."""
        if not fits(Path(golden), self._box.shape):
            return False
        words = {
            "home": home,
            "name": node.name,
            "mac0": node.mac,
            "mac1": data_mac(node.mac),
            # a copy's clock stands where the template's stood
            "now": str(int(time.time())),
        }
        identity = " ".join(f"{name}={value}" for name, value in words.items())
        laid = Bay(content=Content.CLONE, golden=golden, identity=identity)
        bay.lay(self._box.node_dir(node.name), laid)
        return True

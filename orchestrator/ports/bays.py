"""Disk bays of emulated machines: what a machine that is off finds at its next power-on."""

from typing import Protocol

from orchestrator.model.node import Node


class Bays(Protocol):
    """Lays disks. Every verb throws the old disk away; the machine must be off."""

    def blank(self, node: Node) -> None:
        """Give the node an empty disk."""
        ...

    def overlay(self, node: Node, golden: str) -> None:
        """Give the node a disk that begins as the golden image in the folder `golden`."""
        ...

    def clone(self, node: Node, golden: str, home: str) -> bool:
        """Have the node wake up as a copy of the image's running template, told to call `home`.

        Return False, and do nothing, if there is no template of the node's shape.
        """
        ...

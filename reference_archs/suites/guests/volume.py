"""A volume over iSCSI: the node is its initiator, and hands it to guests as a block device."""

from contextlib import suppress

from node import Node, NodeError

_LOGIN_SECONDS = 240


class Volume:
    """LUN 1 of the target that was deployed."""

    def __init__(self, node: Node) -> None:
        """Be logged out."""
        self._node = node
        self._target = node.place.target
        self.bytes = self._target.bytes

    @property
    def device(self) -> str:
        """Return the path of the block device on the node, while it is logged in."""
        portal, iqn = self._target.portal, self._target.iqn
        return f"/dev/disk/by-path/ip-{portal}-iscsi-{iqn}-lun-1"

    def write(self, text: str) -> None:
        """Write a line at the start of what the target stores, behind the initiator's back."""
        self._node.run(["dd", f"of={self._target.file}", "conv=notrunc,fsync"], stdin=f"{text}\n")

    def log_in(self) -> str:
        """Log in to the target; return the path of the block device, once it is there."""
        self._session("--login")
        self._node.run(["udevadm", "wait", f"--timeout={_LOGIN_SECONDS}", self.device])
        return self.device

    def log_out(self) -> None:
        """Log out; to be logged out already is no error."""
        with suppress(NodeError):
            self._session("--logout")

    def _session(self, verb: str) -> None:
        portal, iqn = self._target.portal, self._target.iqn
        words = ["--mode", "node", "--targetname", iqn, "--portal", portal, verb]
        self._node.run(["iscsiadm", *words])

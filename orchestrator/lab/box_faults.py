"""The lab in a box behind the port that faults are set through."""

from datetime import UTC, datetime

from orchestrator.lab.box import Box
from orchestrator.lab.faults import (
    OF_EMULATED,
    OF_SIMULATED,
    Fault,
    Setting,
    clear_fault,
    list_faults,
    set_fault,
)
from orchestrator.model.errors import NotFound
from orchestrator.ports.faults import NodeFault


class BoxFaults:
    """Sets the faults of a running box; they hold from the machine's next action on."""

    def __init__(self, box: Box) -> None:
        """Work on the machines of `box`."""
        self._box = box

    def kinds(self) -> tuple[str, ...]:
        """Return the names of the faults that can be set."""
        known = OF_EMULATED if self._box.emulated else OF_SIMULATED
        return tuple(fault.value for fault in Fault if fault in known)

    def set(self, fault: NodeFault) -> None:
        """Set a fault; raise `NotFound` for an unknown node or kind."""
        if fault.kind not in self.kinds():
            known = ", ".join(self.kinds())
            msg = f"there is no fault {fault.kind!r}; these can be set: {known}"
            raise NotFound(msg)
        until = fault.until and fault.until.astimezone(UTC)
        if until and until <= datetime.now(UTC):
            msg = f"the fault would end at {until:%Y-%m-%d %H:%M:%S} UTC, which is past"
            raise NotFound(msg)
        setting = Setting(fault=Fault(fault.kind), chance=fault.chance, until=until)
        set_fault(self._box.node_dir(fault.node).faults, setting)

    def clear(self, node: str) -> None:
        """Make a node behave again; raise `NotFound` for an unknown node."""
        clear_fault(self._box.node_dir(node).faults)

    def all(self) -> tuple[NodeFault, ...]:
        """Return every fault that is set."""
        return tuple(
            NodeFault(node=node.name, kind=s.fault, chance=s.chance, until=s.until)
            for node in self._box.nodes()
            for s in list_faults(self._box.node_dir(node.name).faults)
        )

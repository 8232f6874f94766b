"""Whether a worker of this host is there: its process is seen, which says more than its silence."""

import socket
from typing import Final

import psutil

from orchestrator.model.worker import Worker

#: what will never speak again, or not before somebody lets it
_GONE: Final = frozenset(
    {
        psutil.STATUS_DEAD,
        psutil.STATUS_STOPPED,
        psutil.STATUS_TRACING_STOP,
        psutil.STATUS_ZOMBIE,
    }
)
#: seconds by which the kernel's word on when a process began may be off
_SLACK: Final = 5.0


def lives(worker: Worker) -> bool:
    """Return whether the worker's process runs on this host, and is no later one of its number."""
    if worker.host != socket.gethostname():
        return False
    try:
        process = psutil.Process(worker.pid)
        began, status = process.create_time(), process.status()
    except psutil.Error:
        return False
    return status not in _GONE and began <= worker.since.timestamp() + _SLACK

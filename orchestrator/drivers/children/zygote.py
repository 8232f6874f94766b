"""The warm process: it has the heavy modules loaded and does nothing but fork.

Run as `python -m orchestrator.drivers.children.zygote FD OWNER`. Each message on the control socket
FD is the name of a module to have loaded, with two file descriptors: the child's connection to the
caller, and the file that takes whatever the child prints. When the socket is closed or the process
OWNER ended, in whatever way, the zygote ends, and the kernel kills its children with it.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
from multiprocessing.connection import Connection

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def main() -> None:
    """Fork a child per message until nobody can send one."""
    control = socket.socket(fileno=int(sys.argv[1]))
    owner = os.pidfd_open(int(sys.argv[2]))  # others may have inherited its end of the socket
    ready = select.poll()
    ready.register(control, select.POLLIN)
    ready.register(owner, select.POLLIN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    while owner not in dict(ready.poll()):
        module, files, _, _ = socket.recv_fds(control, 4096, 2)
        if not module:
            return
        with contextlib.suppress(ImportError):  # the child says it better
            importlib.import_module(module.decode())
        gc.freeze()  # keeps the pages shared
        _fork(*files)
        for file in files:
            os.close(file)


def _fork(caller: int, words: int) -> None:
    zygote = os.getpid()
    try:
        child = os.fork() == 0
    except OSError as error:
        os.write(words, f"cannot start a process: {error}".encode())
        return
    if child:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != zygote:  # it died before the kernel knew our wish
            os._exit(1)
        os.dup2(words, 1)
        os.dup2(words, 2)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _work(caller)
        os._exit(0)


def _work(caller: int) -> None:
    """Tell the caller how to signal us, then do what it asks.

    The order comes only after that: a caller that died meanwhile cannot have its order obeyed.
    An exception ends this process like any other, its traceback being the last words.
    """
    with socket.socket(fileno=caller) as greeting:
        socket.send_fds(greeting, [b"!"], [os.pidfd_open(os.getpid())])
        connection: Connection = Connection(greeting.detach())
    try:
        function, argument = connection.recv()
    except EOFError:
        os._exit(1)
    connection.send(function(argument))


if __name__ == "__main__":
    main()

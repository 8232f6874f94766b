"""Asks a BMC over IPMI, each question in a process of its own: pyghmi may hang, and remembers.

A session that failed once comes back from pyghmi's own memory, broken, whenever the same BMC is
asked again in that process. The processes are forked from one that was forked before any thread.
"""

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from pyghmi.exceptions import PyghmiException
from pyghmi.ipmi.command import Command

from orchestrator.lab.labdir import Credentials
from orchestrator.lab.processes import die_with_parent

#: seconds that one question may take
_PATIENCE = 8
_CHASSIS = 0x00


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A BMC, and whom it lets in."""

    address: str
    port: int
    login: Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A chassis command and its data, or, with `boot`, pyghmi's name of the next boot's device."""

    command: int = 0
    data: tuple[int, ...] = ()
    boot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the BMC answered, or in `trouble` why it did not."""

    data: bytes = b""
    trouble: str = ""


class Speaker:
    """Asks one BMC, one question after the other; safe to use from any thread."""

    def __init__(self, peer: Peer) -> None:
        """Fork the process that asks; call it before any thread is started."""
        self._turn = threading.Lock()
        self._ours, theirs = Pipe()
        parent = os.getpid()
        if os.fork() == 0:
            self._ours.close()
            _listen(parent, peer, theirs)
        theirs.close()

    def ask(self, question: Question) -> Answer:
        """Return the answer, within ten seconds."""
        with self._turn:
            self._ours.send(question)
            answer: Answer = self._ours.recv()
            return answer


def _listen(parent: int, peer: Peer, line: Connection) -> NoReturn:
    """Have each question asked by a fresh process until our parent ends."""
    die_with_parent(parent)
    try:
        while True:
            question = line.recv()
            child = os.fork()
            if child == 0:
                _ask(peer, question, line)
            _, status = os.waitpid(child, 0)
            if status:
                line.send(Answer(trouble=f"the BMC said nothing within {_PATIENCE} s"))
    finally:
        os._exit(1)


def _ask(peer: Peer, question: Question, line: Connection) -> NoReturn:
    """Send the answer down the line and end; die without one when it takes too long."""
    signal.alarm(_PATIENCE)
    try:
        answer = _converse(peer, question)
        signal.alarm(0)
        line.send(answer)
        os._exit(0)
    finally:
        os._exit(1)


def _converse(peer: Peer, question: Question) -> Answer:
    try:
        bmc = Command(
            bmc=peer.address,
            port=peer.port,
            userid=peer.login.user,
            password=peer.login.password,
            keepalive=False,
        )
        said: Mapping[str, Any]
        if question.boot:
            said = bmc.set_bootdev(question.boot, persist=False)
        else:
            command, data = question.command, question.data
            said = bmc.raw_command(netfn=_CHASSIS, command=command, data=data)
        bmc.ipmi_session.logout()
    except PyghmiException as error:
        return Answer(trouble=str(error))
    if "error" in said:
        return Answer(trouble=str(said["error"]))
    return Answer(data=bytes(said.get("data", b"")))

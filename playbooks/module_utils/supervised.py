"""The supervisor of a machine's services, and what its programs say of themselves."""

import http.client
import re
import socket
import xmlrpc.client
from pathlib import Path
from urllib.parse import urlsplit

_ANSWER_SECONDS = 5.0
_LOG_BYTES = 262144
_SAID = 400  # characters
_WELL = 500  # the first status that is none of a healthy service
#: a line that tells what went wrong, of Python's and oslo's logs
_ERRORS = re.compile(r" (ERROR|CRITICAL) |^error: |^(Error|ERROR)\b")
#: one that names an exception, the last of which is what it came to
_NAMED = re.compile(r"(^|\s)(?P<said>[A-Za-z_.]*(Error|Exception|Failure|Refused|Invalid\w*): .*)")
_BENIGN = re.compile(r"No DB access allowed|Traceback \(most recent call last\)")
_HEAD = re.compile(r"^\S+ \S+ \d+ (ERROR|CRITICAL) \S+ (\[[^\]]*\] )*")


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002
        return _Unix(self._path)


def supervisor(home: Path) -> xmlrpc.client.ServerProxy:
    """Return the supervisor whose folder that is."""
    transport = _Transport(str(home / "supervisor.sock"))
    return xmlrpc.client.ServerProxy("http://localhost", transport=transport)


def info(supervisor: xmlrpc.client.ServerProxy, name: str) -> dict | None:
    """Return what it knows about a program, None if nothing."""
    try:
        return supervisor.supervisor.getProcessInfo(name)
    except xmlrpc.client.Fault:
        return None


def said(log: Path, offset: int = 0) -> str:
    """Return the last error that a log tells since `offset`, or else its last line."""
    try:
        with log.open("rb") as file:
            file.seek(max(offset, file.seek(0, 2) - _LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    lines = [line.strip() for line in lines if line.strip() and not _BENIGN.search(line)]
    if named := [found["said"] for found in map(_NAMED.search, lines) if found]:
        return named[-1][:_SAID]
    errors = [_HEAD.sub("", line) for line in lines if _ERRORS.search(line)]
    spoken = [line for line in errors if line] or lines or ["it logged nothing"]
    return spoken[-1][:_SAID]


def answers(url: str) -> str:
    """Return why the service does not answer well (or at all), or an empty text."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _accepts(socket.AF_UNIX, parts.path)
    if parts.scheme == "file":
        return "" if Path(parts.path).exists() else "is not there"
    if parts.scheme == "tcp":
        return _accepts(socket.AF_INET, (parts.hostname, parts.port))
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer ({error})"
    finally:
        connection.close()
    return "" if status < _WELL else f"answers {status}"


def _accepts(family: int, address: object) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(_ANSWER_SECONDS)
        try:
            client.connect(address)
        except OSError as error:
            return f"does not answer ({error.strerror or error})"
    return ""

"""TLS to a hypervisor whose certificate is its own: the very one that it called home with."""

import hashlib
import hmac
import http.client
import socket
import ssl
import xmlrpc.client

from orchestrator.model.errors import Unreachable
from orchestrator.model.hypervisor import Login


def check(login: Login, der: bytes | None) -> None:
    """Raise `Unreachable` unless the certificate is the pinned one."""
    found = hashlib.sha256(der or b"").hexdigest()
    if not hmac.compare_digest(found, login.certificate.lower()):
        where = f"{login.node or login.address}:{login.port}"
        msg = f"{where} shows another certificate than the one that it called home with"
        raise Unreachable(msg, node=login.node)


def unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: `check` is what trusts it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def probe(login: Login, seconds: float) -> None:
    """Connect once and look at the certificate; raise `Unreachable`."""
    try:
        with socket.create_connection((login.address, login.port), seconds) as plain:
            plain.settimeout(seconds)
            with unverified().wrap_socket(plain) as wrapped:
                check(login, wrapped.getpeercert(binary_form=True))
    except OSError as error:
        msg = f"{login.node or login.address}:{login.port} does not answer by TLS: {error}"
        raise Unreachable(msg, node=login.node) from error


class PinnedConnection(http.client.HTTPSConnection):
    """Looks at the certificate before a word is said."""

    def __init__(self, login: Login, seconds: float) -> None:
        """Take whom to connect to, and how long an answer may take."""
        super().__init__(login.address, login.port, timeout=seconds, context=unverified())
        self._login = login

    def connect(self) -> None:
        """Connect; raise `Unreachable` for another certificate."""
        super().connect()
        check(self._login, self.sock.getpeercert(binary_form=True))


class PinnedTransport(xmlrpc.client.SafeTransport):
    """XML-RPC over such a connection."""

    def __init__(self, login: Login, seconds: float) -> None:
        """Take whom to connect to, and how long an answer may take."""
        super().__init__()
        self._login = login
        self._seconds = seconds

    def make_connection(self, host: object) -> PinnedConnection:
        """Return the one connection, made at first use."""
        if self._connection and self._connection[0] == host:
            return self._connection[1]  # type: ignore[return-value]  # made below
        made = PinnedConnection(self._login, self._seconds)
        self._connection = host, made  # type: ignore[assignment]  # typeshed knows one kind only
        return made

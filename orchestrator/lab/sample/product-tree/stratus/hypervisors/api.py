"""Where a hypervisor's management interface answers."""

import hashlib
import hmac
import http.client
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stratus.drivers.hardware import Hardware
from stratus.web import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How to log in, and the SHA-256 of the certificate that it must show."""

    address: str
    port: int
    user: str
    password: str = field(repr=False)
    certificate: str

    @classmethod
    def told(cls, told: dict[str, str], folder: Path) -> "Api":
        """Return what the configuration says; the certificate's hash is in a file of `folder`."""
        return cls(
            address=told["address"],
            port=int(told["port"]),
            user=told["user"],
            password=told["password"],
            certificate=(folder / told["certificate_file"]).read_text().strip(),
        )


class Host(Protocol):
    """A hypervisor; each of these modules has one.

    Its class method `told(told, folder)` makes it from the configuration, and returns None where
    there is no hypervisor after all.
    """

    def run(self, server: str, definition: str) -> Hardware:
        """Have the guest run as its definition says, whatever it was; return what it finds."""
        ...

    def stop(self, server: str) -> None:
        """Have the guest be gone."""
        ...


def context() -> ssl.SSLContext:
    """Return what takes any certificate: the hash is what is trusted."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class Pinned(http.client.HTTPSConnection):
    """Says nothing before the certificate is the right one."""

    def __init__(self, api: Api, seconds: float) -> None:
        """Take whom to connect to."""
        super().__init__(api.address, api.port, timeout=seconds, context=context())
        self._api = api

    def connect(self) -> None:
        """Connect; raise `Refused` for another certificate."""
        super().connect()
        found = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if not hmac.compare_digest(found, self._api.certificate):
            raise Refused(502, f"{self._api.address} shows another certificate")

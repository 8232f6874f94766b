"""POST to an address that somebody else chose, and to nothing inside our own network.

The name is resolved once and the connection made to that very address, so that no second answer of
the name server can lead elsewhere; redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from orchestrator.model.errors import Refused, Undelivered
from orchestrator.ports.clock import Deadline

_ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said, its beginning only."""

    status: int
    text: str


def post(
    url: str, headers: Mapping[str, str], content: bytes, deadline: Deadline, *, inside: bool
) -> Answer:
    """Send `content` and return the answer.

    Raises `Refused` for what is no address, or for one in our own network unless `inside` allows
    it, `Undelivered` if nobody answers.
    """
    deadline.check()
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _resolved(host, port, inside=inside)
    shown = f"[{address}]" if ":" in address else address
    target = parts._replace(netloc=f"{shown}:{port}").geturl()
    timeout = min(_ANSWER_SECONDS, deadline.left() or 1)
    try:
        with httpx.Client(trust_env=False, timeout=timeout, follow_redirects=False) as client:
            answer = client.post(
                target,
                content=content,
                headers={**headers, "Host": parts.netloc.rpartition("@")[2]},
                extensions={"sni_hostname": host},
            )
            return Answer(status=answer.status_code, text=answer.text[:200])
    except httpx.HTTPError as error:
        # The path may be the secret that lets us in: only the host is said.
        msg = f"{host} did not answer ({type(error).__name__})"
        raise Undelivered(msg) from error
    except httpx.InvalidURL as error:
        raise Refused("the address cannot be called: it is none") from error


def _resolved(host: str, port: int, *, inside: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Refused("the address cannot be called: its host is no name") from error
    except OSError as error:
        msg = f"the name {host!r} cannot be resolved"
        raise Undelivered(msg) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not inside and (wrong := next((a for a in addresses if not _outside(a)), "")):
        msg = f"{host} is {wrong}, inside our own network; `inside = true` allows that"
        raise Refused(msg)
    return addresses[0]


def _outside(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    plain = mapped or address
    return plain.is_global and not plain.is_multicast

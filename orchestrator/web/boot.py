"""The boot server: what firmware and installers fetch under a one-time token, and the call-back.

Its answers are plain text, since whoever reads them sits at a serial console.
"""

import base64
import binascii
import logging
import re
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import FileResponse, PlainTextResponse, Response

from orchestrator.model.flight import Track
from orchestrator.model.node import Access
from orchestrator.model.offer import Offer, parts
from orchestrator.web.house import Here, House

routes = APIRouter(prefix="/boot", include_in_schema=False)

_TOKEN = re.compile(r"(/boot/)(?!(?:first\.)?ipxe\b)[^/?\s]+")
_KEY = re.compile(r"(ssh-ed25519) ([A-Za-z0-9+/]{68})(?: [\x21-\x7e]{1,255})?\n?")
#: how the blob of every Ed25519 key begins: its type and the length of what follows
_KEY_HEAD = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
#: what UEFI that boots by HTTP begins with, where Debian's package `ipxe` has it
_IPXE_EFI = Path("/usr/lib/ipxe/ipxe.efi")
# The address is relative, so a DHCP server is told it once; without colons, since iPXE takes what
# stands before one for a scheme. UEFI goes on to the next boot device only after a failure.
_FIRST_STAGE = """\
#!ipxe
set tries:int32 0
:again
chain --autofree ipxe?mac=${netX/mac:hexhyp} && goto disk ||
inc tries
iseq ${tries} 30 && goto disk ||
echo No boot script for ${netX/mac} yet, trying again
sleep 2
goto again
:disk
iseq ${platform} efi && exit 1 || exit
"""


class TokenFilter(logging.Filter):
    """Takes one-time tokens out of the server's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the path that was asked for; keep the record."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _TOKEN.sub(r"\1******", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True


@routes.get("/first.ipxe")
def first_stage() -> Response:
    """Return the script for machines that run iPXE: it asks for the machine's own, patiently."""
    return PlainTextResponse(_FIRST_STAGE)


@routes.api_route("/ipxe.efi", methods=["GET", "HEAD"])
def firmware() -> Response:
    """Return iPXE for firmware that boots by HTTP, which asks for its size first."""
    if not _IPXE_EFI.is_file():
        detail = f"no {_IPXE_EFI} on the boot server; type there: apt-get install ipxe"
        raise HTTPException(HTTPStatus.NOT_FOUND, detail)
    return FileResponse(_IPXE_EFI, media_type="application/efi")


@routes.get("/ipxe")
def script(house: Here, mac: str) -> Response:
    """Return the boot script that is offered to the machine with that MAC address."""
    offer = house.offers.by_mac(mac)
    if offer is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"nothing is offered to {mac}: boot from disk")
    _fetched(house, offer, "script", "its boot script")
    return PlainTextResponse(offer.script)


@routes.get("/{token}/linux")
def kernel(house: Here, token: str) -> Response:
    """Return the installer's kernel."""
    offer = _offer(house, token)
    return _image(house, offer, "kernel")


@routes.get("/{token}/initrd.gz")
def initrd(house: Here, token: str) -> Response:
    """Return the installer's initial RAM disk."""
    offer = _offer(house, token)
    return _image(house, offer, "initrd")


@routes.get("/{token}/preseed.cfg")
def answers(house: Here, token: str) -> Response:
    """Return the installer's answers."""
    offer = _offer(house, token)
    _fetched(house, offer, "answers", "its answers")
    return PlainTextResponse(offer.answers)


@routes.get("/{token}/answers")
def plain_answers(house: Here, token: str) -> Response:
    """Return the answers of an installer that asks for no name in particular."""
    return answers(house, token)


@routes.get("/{token}/answers/{name}")
def part(house: Here, token: str, name: str) -> Response:
    """Return one part of an installer's answers."""
    found = parts(_offer(house, token).answers)
    if name not in found:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"these answers have no part {name}")
    house.offers.fetched(token, "answers")
    return PlainTextResponse(found[name])


@routes.get("/{token}/licence")
def licence(house: Here, token: str) -> Response:
    """Return the image's licence key, until the machine has called home."""
    offer = _offer(house, token)
    image = house.images(offer.image)
    if image is None or image.licence is None or offer.access is not None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no licence key is handed out to {offer.node}")
    house.offers.fetched(token, "licence")
    return PlainTextResponse(f"{image.licence.reveal()}\n")


@routes.get("/{token}/files/{name}")
def extra(house: Here, token: str, name: str) -> Response:
    """Return another file of the image."""
    return _image(house, _offer(house, token), name)


@routes.get("/{token}/authorized_keys")
def key(house: Here, token: str) -> Response:
    """Return the public key that the installed system accepts."""
    offer = _offer(house, token)
    _fetched(house, offer, "key", "the public key")
    return PlainTextResponse(f"{offer.public_key.strip()}\n")


@routes.api_route("/{token}/arrived", methods=["GET", "POST"])
def arrived(
    house: Here,
    token: str,
    ssh: Annotated[str, Query(max_length=400)],
    tls: Annotated[str, Query(pattern="^([0-9A-Fa-f]{64})?$")] = "",
) -> Response:
    """Take the call-back of an installed machine; a repeat changes nothing.

    `ssh` is its SSH host key, `tls` the SHA-256 of the certificate of its hypervisor's interface.
    """
    offer = _offer(house, token)
    node = house.library.lab.nodes.get(offer.node)
    if node is None:
        detail = f"{offer.node} is no machine of this lab any more"
        raise HTTPException(HTTPStatus.NOT_FOUND, detail)
    access = Access(
        address=node.address,
        port=node.ssh_port,
        user=node.ssh_user,
        host_key=host_key(ssh),
        certificate=tls.lower(),
    )
    if not house.offers.arrive(token, access):
        detail = f"{offer.node} called home already, with another key: a token is good for one"
        raise HTTPException(HTTPStatus.CONFLICT, detail)
    house.flights.tell(offer.attempt, Track.NETWORK, offer.node, "HTTP: it called home")
    return PlainTextResponse(f"welcome, {offer.node}\n")


def host_key(text: str) -> str:
    """Return an Ed25519 public key without its comment; raise `HTTPException` 422 otherwise."""
    match = _KEY.fullmatch(text)
    try:
        blob = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        blob = b""
    if match is None or not blob.startswith(_KEY_HEAD):
        detail = "ssh= must be one line of ssh_host_ed25519_key.pub, with its `+` sent as %2B"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    return f"{match[1]} {match[2]}"


def _offer(house: House, token: str) -> Offer:
    offer = house.offers.by_token(token)
    if offer is None:
        detail = "this token was never given, or is not good any more"
        raise HTTPException(HTTPStatus.NOT_FOUND, detail)
    return offer


def _fetched(house: House, offer: Offer, what: str, told: str) -> None:
    house.offers.fetched(offer.token, what)
    house.flights.tell(offer.attempt, Track.NETWORK, offer.node, f"HTTP: it fetched {told}")


def _image(house: House, offer: Offer, what: str) -> Response:
    image = house.images(offer.image)
    known = {"kernel": image.kernel, "initrd": image.initrd, **image.extras} if image else {}
    path = known.get(what)
    if path is None or not path.is_file():
        detail = f"the {what} of {offer.image} is not on this boot server"
        raise HTTPException(HTTPStatus.NOT_FOUND, detail)
    size = path.stat().st_size / 1e6
    _fetched(
        house, offer, what if what in {"kernel", "initrd"} else "files", f"{what}, {size:.1f} MB"
    )
    return FileResponse(path, media_type="application/octet-stream")

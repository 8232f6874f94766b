"""Ed25519 signatures (RFC 8032): a key file on the partner's side, its public half on ours."""

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


class Ed25519Verifier:
    """`ports.signature.Verifier`."""

    def genuine(self, public_key: str, message: bytes, signature: str) -> bool:
        """Return whether `signature` is that of `message` by the private half of the key."""
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
            key.verify(base64.b64decode(signature, validate=True), message)
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True


class Signer:
    """A key that signs; it is made at the first use."""

    def __init__(self, path: Path) -> None:
        """Read the key from `path`, or make one there (mode 0600)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            made = Ed25519PrivateKey.generate()
            raw = made.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(raw))
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes()))

    def public(self) -> str:
        """Return the public half as text."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, message: bytes) -> str:
        """Return the signature as text."""
        return base64.b64encode(self._key.sign(message)).decode()

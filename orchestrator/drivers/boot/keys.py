"""The SSH key pair that one attempt's machines accept, and nobody else's."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from orchestrator.model.errors import Bug
from orchestrator.model.ids import AttemptId


class Keys:
    """Key pairs in a folder (mode 0700), one per attempt, with the nodes that still need each."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made on first use."""
        self._folder = folder

    def path(self, attempt: AttemptId) -> Path:
        """Return where the attempt's private key (OpenSSH form, mode 0600) is, or will be."""
        return self._folder / attempt.replace("/", "_")

    def public(self, attempt: AttemptId) -> str:
        """Return the public half as an `authorized_keys` line; raise `Bug` if there is no key."""
        try:
            private = load_ssh_private_key(self.path(attempt).read_bytes(), password=None)
        except FileNotFoundError as error:
            msg = f"attempt {attempt} has no SSH key: nothing is offered to its nodes"
            raise Bug(msg) from error
        half = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return f"{half.decode()} attempt-{attempt.replace('/', '-')}"

    def claim(self, attempt: AttemptId, node: str) -> None:
        """Make sure the attempt has its key, and note that `node` needs it."""
        users = self._users(attempt)
        users.mkdir(parents=True, exist_ok=True, mode=0o700)
        (users / quote(node, safe="")).touch()
        path = self.path(attempt)
        if path.exists():
            return
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_generate())
            with suppress(FileExistsError):  # another node's claim was first: its key is ours too
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    def drop(self, attempt: AttemptId, node: str) -> None:
        """Note that `node` is done with the key; the last one removes it."""
        users = self._users(attempt)
        (users / quote(node, safe="")).unlink(missing_ok=True)
        if users.is_dir() and any(users.iterdir()):
            return
        self.path(attempt).unlink(missing_ok=True)
        with suppress(OSError):  # gone already, or claimed again meanwhile
            users.rmdir()

    def _users(self, attempt: AttemptId) -> Path:
        return self._folder / f"{attempt.replace('/', '_')}.nodes"


def _generate() -> bytes:
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

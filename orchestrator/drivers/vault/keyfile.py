"""One-time credentials derived from one key file of the orchestrator."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from orchestrator.model.ids import AttemptId
from orchestrator.model.secret import Secret


class KeyFileVault:
    """Derives each credential by HMAC-SHA256 (RFC 2104) from a random key that never leaves us.

    Nothing is stored per attempt: a repeat derives the same text, and one attempt's credential
    says nothing about another's.
    """

    def __init__(self, path: Path) -> None:
        """Read the key from `path`, or make one there (mode 0600)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        self._key = path.read_text().strip().encode()

    def one_time(self, attempt: AttemptId, purpose: str) -> Secret:
        """Return the attempt's credential for `purpose`: 32 hexadecimal digits."""
        return Secret(self.derive(f"{attempt}:{purpose}"))

    def derive(self, purpose: str) -> str:
        """Return the text that belongs to `purpose`."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()[:32]

"""Passwords, kept as Argon2id hashes; what is soon guessed is told by zxcvbn."""

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from orchestrator.model.secret import Secret

#: a hash takes 64 MiB: more of them at once would be a way to bring the orchestrator down
AT_ONCE: Final = 2
#: of 0 to 4; 3 withstands guessing at an unthrottled service for years
LEAST_SCORE: Final = 3
#: what is looked at of a long password: all of it would take seconds
_LOOKED_AT: Final = 64


class Argon2Passwords:
    """`ports.accounts.Passwords` with the parameters that RFC 9106 recommends second."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Make what is compared with when there is nothing to compare with."""
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash("nobody's")

    def hash(self, password: Secret) -> str:
        """Return what is kept; takes time on purpose."""
        with self._turns:
            return self._hasher.hash(password.reveal())

    def right(self, kept: str, password: Secret) -> bool:
        """Return whether it is the password; takes as long for an empty `kept`, which none is."""
        try:
            with self._turns:
                self._hasher.verify(kept or self._nobody, password.reveal())
        except (VerificationError, InvalidHashError):
            return False
        return bool(kept)

    def stale(self, kept: str) -> bool:
        """Return whether it would be kept in another way today."""
        return self._hasher.check_needs_rehash(kept)

    def weakness(self, password: Secret, words: tuple[str, ...]) -> str:
        """Return why the password is easily guessed, `words` being what is known; empty: not."""
        found = zxcvbn(password.reveal()[:_LOOKED_AT], user_inputs=list(words))
        if found["score"] >= LEAST_SCORE:
            return ""
        said = found["feedback"]["warning"] or "a few unusual words more would do"
        return str(said).strip().rstrip(".").lower()

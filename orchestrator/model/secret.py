"""A text that must never be seen, and the mask that keeps it out of logs and events."""

import base64
import json
import string
from collections.abc import Iterable
from dataclasses import dataclass

MASK = "******"
#: what a URL may hold as it is (RFC 3986, section 2.3), and a path besides
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential; `reveal()` is the only way to read it, so every reader can be found."""

    _value: str

    def reveal(self) -> str:
        """Return the text itself; only a driver about to send it should ask."""
        return self._value

    def __repr__(self) -> str:
        """Return the mask."""
        return f"Secret({MASK})"

    __str__ = __repr__


def _percent(text: str, safe: frozenset[str]) -> str:
    return "".join(
        chr(byte) if chr(byte) in safe else f"%{byte:02X}" for byte in text.encode(errors="replace")
    )


def _encodings(text: str) -> set[str]:
    raw = text.encode(errors="replace")
    return {
        text,
        _percent(text, _UNRESERVED | {"/"}),
        _percent(text, _UNRESERVED),
        _percent(text, _UNRESERVED | {" "}).replace(" ", "+"),
        json.dumps(text)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        raw.hex(),
    }


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` without any of `secrets`, in their plain, URL, JSON, base64 or hex form."""
    forms = {form for secret in secrets if secret.reveal() for form in _encodings(secret.reveal())}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text

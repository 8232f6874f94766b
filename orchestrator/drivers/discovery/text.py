"""Text that a stranger sent, fit to be shown."""

import re

_LONGEST = 64
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def clean(text: object) -> str:
    """Return it as one short line without control codes; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:_LONGEST]


def mac(text: object) -> str:
    """Return a MAC address in lower case with colons, empty for what is none."""
    found = clean(text).lower().replace("-", ":")
    return found if _MAC.fullmatch(found) and set(found) > {"0", ":"} else ""

"""Identifiers and times as the APIs write them."""

import secrets
import uuid
from datetime import UTC, datetime

#: the one project that there is
PROJECT = uuid.uuid5(uuid.NAMESPACE_URL, "stratus/project").hex
USER = uuid.uuid5(uuid.NAMESPACE_URL, "stratus/user").hex


def new_id() -> str:
    """Return an id for a new thing."""
    return str(uuid.uuid4())


def new_mac() -> str:
    """Return a MAC address that no other network card has, in all likelihood."""
    return ":".join(["fa", "16", "3e", *(f"{byte:02x}" for byte in secrets.token_bytes(3))])


def now() -> str:
    """Return the time as the APIs write it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

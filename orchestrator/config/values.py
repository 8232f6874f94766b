"""Single values of a lab file: addresses, ports, paths and secrets, checked."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.model.document import Entry
from orchestrator.model.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")


def name(entry: Entry) -> str:
    """Return the name of a thing, such as a node's."""
    text = entry.text()
    if not _NAME.fullmatch(text):
        raise entry.wrong(f"`{text}` is no name; use letters, digits and . _ -")
    return text


def mac(entry: Entry) -> str:
    """Return the MAC address in lower case with colons."""
    text = entry.text().lower().replace("-", ":")
    if not _MAC.fullmatch(text) or int(text[:2], 16) & 1:
        advice = "write that of the network card, e.g. 52:54:00:12:34:56"
        raise entry.wrong(f"`{entry.text()}` is no MAC address of a machine; {advice}")
    return text


def address(entry: Entry, default: str = "") -> str:
    """Return an IP address or a host name."""
    text = entry.text(default) if default else entry.text()
    numeric = set(text) <= set("0123456789.") or ":" in text
    try:
        return str(ipaddress.ip_address(text)) if numeric else _host(text)
    except ValueError:
        advice = "write one such as 10.0.0.7 or bmc7.example.com"
        raise entry.wrong(f"`{text}` is no IP address or host name; {advice}") from None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(text)
    return text


def port(entry: Entry, default: int, *, least: int = 1) -> int:
    """Return the port, at least `least`."""
    number = entry.integer(default, least=least)
    if number > 65535:
        raise entry.wrong(f"`{entry.name}` is {number}; write at most 65535")
    return number


def secret(entry: Entry, home: Path) -> Secret:
    """Fetch what `env:NAME` or `file:PATH` refers to; the text itself is never shown."""
    kind, _, where = entry.text().partition(":")
    if kind == "env" and where:
        value = os.environ.get(where, "")
        if not value:
            raise entry.wrong(f"the environment has no {where}; export it before the start")
        return Secret(value)
    if kind == "file" and where:
        return _secret_file(entry, path(where, home))
    advice = "this file is no place for secrets: write env:NAME or file:PATH"
    raise entry.wrong(f"`{entry.name}` is written out; {advice}")


def _secret_file(entry: Entry, where: Path) -> Secret:
    try:
        value, mode = where.read_text(encoding="utf-8").strip(), where.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise entry.wrong(f"secret file {where}: {reason}; make it, with mode 0600") from error
    if mode & 0o077:
        raise entry.wrong(f"others may read the secret in {where}; type: chmod 600 {where}")
    if not value:
        raise entry.wrong(f"secret file {where} is empty; write the secret into it")
    return Secret(value)


def path(text: str, home: Path) -> Path:
    """Return the path, which is relative to the lab file's folder `home`."""
    return (home / Path(text).expanduser()).resolve()


def file(entry: Entry, home: Path) -> str:
    """Return the path of a file that is there."""
    where = path(entry.text(), home)
    if not where.is_file():
        raise entry.wrong(f"there is no file {where}; fetch it or mend `{entry.name}`")
    return str(where)


def open_url(entry: Entry) -> str:
    """Return a URL without a password in it."""
    try:
        hidden = urlsplit(entry.text()).password
    except ValueError as error:
        raise entry.wrong(f"`{entry.name}` is no URL ({error}); mend it") from error
    if hidden is not None:
        advice = (
            "leave it out: a store's comes from PGPASSWORD or ~/.pgpass, a repository's from git"
        )
        raise entry.wrong(f"`{entry.name}` holds a password; {advice}")
    return entry.text()

"""Atom feeds (RFC 4287): a list of entries as a feed that any reader understands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as Xml

_ATOM = "http://www.w3.org/2005/Atom"
#: of a feed without entries
_NEVER = "1970-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a feed tells of."""

    #: known by it however often the feed is read
    id: str
    title: str
    at: datetime
    author: str
    #: address of its page
    url: str
    summary: str


def feed(name: str, title: str, url: str, entries: Sequence[Entry]) -> str:
    """Return the feed of that id and title; `url` is its own address."""
    Xml.register_namespace("", _ATOM)
    root = Xml.Element(f"{{{_ATOM}}}feed")
    _add(root, "title", title)
    _add(root, "id", name)
    _add(root, "updated", max((e.at.isoformat() for e in entries), default=_NEVER))
    Xml.SubElement(root, f"{{{_ATOM}}}link", rel="self", href=url)
    for entry in entries:
        found = Xml.SubElement(root, f"{{{_ATOM}}}entry")
        _add(found, "title", entry.title)
        _add(found, "id", entry.id)
        _add(found, "updated", entry.at.isoformat())
        author = Xml.SubElement(found, f"{{{_ATOM}}}author")
        _add(author, "name", entry.author or "smoketest")
        Xml.SubElement(found, f"{{{_ATOM}}}link", rel="alternate", href=entry.url)
        _add(found, "summary", entry.summary)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(root, "unicode")}\n'


def _add(parent: Xml.Element, tag: str, text: str) -> None:
    written = "".join(c for c in text if c in "\t\n" or (c.isprintable() and c <= "\uffff"))
    Xml.SubElement(parent, f"{{{_ATOM}}}{tag}").text = written

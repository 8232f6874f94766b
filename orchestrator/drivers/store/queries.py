"""Reads `queries*.sql`, the one place where statements are written."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sqlalchemy import BindParameter, TextClause, bindparam, text

_FILES = sorted(Path(__file__).parent.glob("queries*.sql"))
_HEAD = re.compile(r"^-- (\w+) -- .+$", re.MULTILINE)
#: `in :names` takes any number of values
_ANY = re.compile(r"\bin :(\w+)")


@cache
def queries() -> Mapping[str, TextClause]:
    """Return every statement of the files by its name."""
    found: dict[str, TextClause] = {}
    for file in _FILES:
        _, *parts = _HEAD.split(file.read_text("utf-8"))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        found |= {name: _statement(body.strip().removesuffix(";")) for name, body in pairs}
    return found


def query(name: str) -> TextClause:
    """Return the statement of that name."""
    return queries()[name]


def plain(name: str) -> str:
    """Return the text of a statement that takes no values."""
    return queries()[name].text


def _statement(body: str) -> TextClause:
    many: list[BindParameter[str]] = [bindparam(n, expanding=True) for n in _ANY.findall(body)]
    return text(body).bindparams(*many)

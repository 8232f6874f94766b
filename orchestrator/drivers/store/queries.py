"""Reads `queries*.sql`, the one place where statements are written."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sqlalchemy import BindParameter, TextClause, bindparam, text

_FILES = sorted(Path(__file__).parent.glob("queries*.sql"))
#: a statement holds `{_rows}` where the part of that name (`-- _rows -- ...`) stands
_PART = re.compile(r"\{(_\w+)\}")
_HEAD = re.compile(r"^-- (\w+) -- .+$", re.MULTILINE)
#: `in :names` takes any number of values
_ANY = re.compile(r"\bin :(\w+)")


#: what an insertion stores: a row of named values and nothing else
_ROW = re.compile(r"\bvalues (\([^()]*\))")
_NAME = re.compile(r":(\w+)")


@cache
def queries(dialect: str = "sqlite") -> Mapping[str, TextClause]:
    """Return every statement of the files by its name, as that kind of database takes it."""
    bodies: dict[str, str] = {}
    for file in _FILES:
        _, *parts = _HEAD.split(file.read_text("utf-8"))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        bodies |= {name: body.strip().removesuffix(";") for name, body in pairs}
    return {
        name: _statement(_PART.sub(lambda part: bodies[part[1]], body), dialect)
        for name, body in bodies.items()
        if not name.startswith("_")
    }


def query(name: str, dialect: str = "sqlite") -> TextClause:
    """Return the statement of that name."""
    return queries(dialect)[name]


def stores_rows(name: str) -> bool:
    """Return whether the statement stores a row that is written out, and so may store several."""
    return bool(_ROW.search(query(name).text))


@cache
def insertion(name: str, count: int) -> TextClause:
    """Return the statement for `count` rows; the value `x` of the fourth of them is `x_3`."""

    def rows(one: re.Match[str]) -> str:
        return "values " + ", ".join(_NAME.sub(rf":\1_{i}", one[1]) for i in range(count))

    return text(_ROW.sub(rows, query(name).text, count=1))


@cache
def json_insertion(name: str, kinds: tuple[tuple[str, str], ...]) -> TextClause:
    """Return PostgreSQL's statement for any number of rows, which are one text of JSON: `rows`.

    `kinds` has the type of each value, or an empty text if it is null in all rows.
    """
    given = ", ".join(f'"{value}" {kind}' for value, kind in kinds if kind)
    shown = {value: f'given."{value}"' if kind else "null" for value, kind in kinds}

    def rows(one: re.Match[str]) -> str:
        columns = _NAME.sub(lambda found: shown[found[1]], one[1].strip("()")).split(",")
        listed = ", ".join(f"{column} as column{i}" for i, column in enumerate(columns, 1))
        source = f"json_to_recordset(cast(:rows as json)) as given({given})"
        return " ".join(("select", listed, "from", source))

    return text(_ROW.sub(rows, query(name).text, count=1))


def plain(name: str) -> str:
    """Return the text of a statement that takes no values."""
    return queries()[name].text


def _statement(body: str, dialect: str) -> TextClause:
    if dialect == "postgresql":
        # one array, however many: the statement's text stays the same, and so does its plan
        return text(_ANY.sub(r"= any(:\1)", body))
    many: list[BindParameter[str]] = [bindparam(n, expanding=True) for n in _ANY.findall(body)]
    return text(body).bindparams(*many)
